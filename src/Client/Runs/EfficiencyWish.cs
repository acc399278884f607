using Slowrun.Core.Efficiency;

namespace Slowrun.Client.Runs;

/// <summary>Which baselines a run is to be held against.</summary>
internal sealed record EfficiencyWish
{
    /// <summary>Of one pass; empty: three about the run's own.</summary>
    public IReadOnlyList<BaselineSize> Sizes { get; init; } = [];

    /// <summary>Of many passes; empty: the run's own.</summary>
    public IReadOnlyList<BaselineSize> TunedSizes { get; init; } = [];

    public required IReadOnlyList<int> Passes { get; init; }

    /// <summary>Multipliers, of many passes.</summary>
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>Tokens over the run's; empty: 1, 2, 4, … until the run's best model is reached or the text ends.</summary>
    public IReadOnlyList<int> Multiples { get; init; } = [];

    /// <summary>False: only what is there is read.</summary>
    public bool Train { get; init; } = true;

    /// <summary>Local ones, where none serves the store.</summary>
    public int Silos { get; init; } = 1;
}
