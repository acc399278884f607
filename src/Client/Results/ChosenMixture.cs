using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Client.Results;

/// <summary>Members of a run, and how their predictions are mixed.</summary>
internal sealed record ChosenMixture
{
    public required EnsembleAverage Average { get; init; }

    /// <summary>All that were considered, in the ensemble's order; those left out have the weight 0.</summary>
    public required IReadOnlyList<ChosenMember> Members { get; init; }

    /// <summary>Where weights were learnt here on the fitness set; null: they are even, or the run's own.</summary>
    public FittedChoice? Fitted { get; init; }

    public IEnumerable<ChosenMember> Mixed => Members.Where(member => member.Weight > 0);

    /// <summary>A member's share of the mixture; all together are 1.</summary>
    public double ShareOf(ChosenMember member) => member.Weight / Members.Sum(other => other.Weight);
}

/// <param name="Weight">Relative to the others'; 0: left out.</param>
internal sealed record ChosenMember(StageId Stage, SnapshotRef Snapshot, MemberScore Score, double Weight);

/// <param name="Size">How many were asked for.</param>
/// <param name="Steps">Of the fit.</param>
internal sealed record FittedChoice(int Size, int Steps, double FitnessLossNats);
