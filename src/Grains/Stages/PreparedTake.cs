using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>The part of a take's input that no owner changes.</summary>
/// <param name="Steps">Optimizer steps of the whole stage.</param>
/// <param name="BeforeFinishedAt">When the stage before it finished; null: there is none, or it has not.</param>
/// <param name="Teacher">The snapshot that teaches; null: none.</param>
/// <param name="Predecessor">Root of the finished stage that this one continues; null: it begins with fresh weights.</param>
/// <param name="Retry">The intent's retry number of the stage.</param>
/// <param name="Adoptions">How often the user allowed another device's arithmetic.</param>
internal sealed record PreparedTake(
    RunSpec Spec,
    StagePlan Plan,
    StageIdentity Identity,
    int Steps,
    DateTimeOffset SubmittedAt,
    DateTimeOffset? BeforeFinishedAt,
    SnapshotRef? Teacher,
    StageRoot? Predecessor,
    int Retry,
    int Adoptions
)
{
    /// <summary>The stage as its runner gets it.</summary>
    /// <param name="root">As the take wrote it.</param>
    public StageWork Taken(string run, StageRoot root, IReadOnlyList<string> slots) =>
        new(run, Spec, Plan, root, Teacher, Predecessor, slots, Retry);
}
