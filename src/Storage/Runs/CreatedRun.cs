using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Storage.Runs;

/// <summary>The run of a name after a submission under it.</summary>
/// <param name="Spec">The run's, as the store has it.</param>
/// <param name="IsNew">False: it was there before.</param>
public sealed record CreatedRun(RunSpec Spec, bool IsNew)
{
    /// <summary>Where the recipe of the run differs from the one that was submitted; not empty: the name belongs to another run, and
    /// nothing was changed.</summary>
    public IReadOnlyList<SpecDifference> OtherRecipe { get; init; } = [];

    /// <summary>Where its operations do: they stay as they were.</summary>
    public IReadOnlyList<SpecDifference> OtherOperations { get; init; } = [];
}
