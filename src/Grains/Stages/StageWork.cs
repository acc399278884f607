using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Grains.Stages;

/// <summary>A taken stage: the input of its runner.</summary>
/// <param name="Root">The root as the take wrote it.</param>
/// <param name="Teacher">The snapshot that teaches; null: none.</param>
/// <param name="Predecessor">Root of the finished stage that this one continues; null: it begins with fresh weights.</param>
/// <param name="Retry">The intent's retry number at the take.</param>
internal sealed record StageWork(
    string Run,
    RunSpec Spec,
    StagePlan Plan,
    StageRoot Root,
    SnapshotRef? Teacher,
    StageRoot? Predecessor,
    IReadOnlyList<string> Slots,
    int Retry
)
{
    /// <summary><c>RUN/chain0/stage1</c>, for logs and messages.</summary>
    public string Name => $"{Run}/{Plan.Id}";

    /// <summary>Those of the spec until the user changes them.</summary>
    public LiveOperations Operations { get; } = new(Spec.Operations);

    public StageTelemetry Telemetry { get; } = new(Run, Plan.Id.ToString());
}
