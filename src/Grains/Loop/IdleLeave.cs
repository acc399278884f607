using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>Has the silo leave the cluster after it was idle for the time of the option <c>--exit-when-idle</c>.</summary>
internal sealed class IdleLeave(IdleClock idle, SiloDrain drain)
{
    /// <summary>To be called after every look that succeeded.</summary>
    /// <param name="busy">Whether work is under way here, or ready for it.</param>
    /// <returns>Whether the silo leaves.</returns>
    public async Task<bool> LeavesAsync(bool busy)
    {
        if (idle.Looked(busy) is not { } idleFor)
        {
            return false;
        }

        await drain.LeaveAsync(
            StopReason.Requested,
            SiloDrain.Idle,
            string.Create(CultureInfo.InvariantCulture, $"nothing was ready for {idleFor.TotalSeconds:F0} s (option --exit-when-idle)."),
            deadline: null
        );
        return true;
    }
}
