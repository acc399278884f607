using Slowrun.Core.Models;
using Slowrun.Core.Plan;

namespace Slowrun.Training.Numerics;

/// <summary>Chooses a path.</summary>
internal static class StepPaths
{
    /// <param name="onProcessor">Whether the device is one.</param>
    public static StepPath Of(StagePlan plan, bool onProcessor) =>
        onProcessor && FusedPath.Covers(plan.Model, plan.Stage) ? StepPath.Fused : StepPath.Composed;
}
