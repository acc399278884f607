using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Web.Pages;

/// <summary>The orders that would change something.</summary>
internal static class PossibleOrders
{
    /// <param name="intent">The run's intent. Stages may take a while to follow it.</param>
    public static IReadOnlyList<DesiredState> Of(RunState state, DesiredState intent) =>
        (state, intent) switch
        {
            (RunState.Succeeded or RunState.Failed, _) => [],
            (_, DesiredState.Paused) => [DesiredState.Running, DesiredState.Cancelled],
            (_, DesiredState.Cancelled) => [DesiredState.Running],
            (RunState.Cancelled, _) => [],
            // Single stages were paused.
            (RunState.Paused, _) => [DesiredState.Cancelled],
            _ => [DesiredState.Paused, DesiredState.Cancelled],
        };
}
