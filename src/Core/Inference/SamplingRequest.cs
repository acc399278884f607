using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Inference;

/// <summary>What the client asks the silo's program to write: a line of JSON on its input. The answer is a line a token.</summary>
public sealed record SamplingRequest
{
    public required string Run { get; init; }

    /// <summary>One, or several whose predictions are mixed.</summary>
    public required IReadOnlyList<SampledStage> Members { get; init; }

    public EnsembleAverage Average { get; init; } = EnsembleAverage.Probabilities;

    /// <summary>Token ids to go on from, at least one.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>Tokens at most.</summary>
    public required int Tokens { get; init; }

    /// <summary>The token that ends the text.</summary>
    public int? End { get; init; }

    public double Temperature { get; init; } = 1;

    public int? TopK { get; init; }

    public long Seed { get; init; }

    /// <summary>As <c>--slots</c> of a silo names it; of several the first.</summary>
    public string Device { get; init; } = "cpu";

    public bool Equals(SamplingRequest? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <param name="Stage">A finished stage, <c>chain0/stage1</c>.</param>
/// <param name="Weight">Relative to the others'.</param>
public sealed record SampledStage(StageId Stage, double Weight);

/// <summary>A token that was chosen.</summary>
public sealed record SampledToken(int Token);
