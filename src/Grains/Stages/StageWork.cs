using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>A stage that has been taken: what its runner needs to know of it.</summary>
/// <param name="Root">The root as the take wrote it.</param>
/// <param name="Data">Hash of the data manifest.</param>
internal sealed record StageWork(string Run, RunSpec Spec, StagePlan Plan, StageRoot Root, string Data, SnapshotRef? Teacher, IReadOnlyList<string> Slots)
{
    /// <summary><c>RUN/chain0/stage1</c>, for logs and messages.</summary>
    public string Name => $"{Run}/{Plan.Id}";
}
