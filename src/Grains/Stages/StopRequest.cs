using System.Diagnostics.CodeAnalysis;
using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Stages;

/// <summary>
/// A stop signal that carries its reason: the first reason given stands, except that Fenced wins over all. The earliest deadline stands: a
/// silo that is stopping may get a preemption notice later.
/// </summary>
[SuppressMessage(
    "Reliability",
    "CA1001",
    Justification = "Without linked tokens the sources hold nothing but a timer that ends by itself, and a stop may come after the end."
)]
internal sealed class StopRequest(TimeProvider time)
{
    // Timers end at 49 days, platforms announce nothing so far ahead.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource source = new();
    private readonly CancellationTokenSource late = new(Timeout.InfiniteTimeSpan, time);
    private DateTimeOffset? deadline;

    public CancellationToken Token => source.Token;

    /// <summary>Cancelled when a checkpoint that is still under way is to be given up, so that the stage is released before the
    /// deadline.</summary>
    public CancellationToken Late => late.Token;

    public StopReason? Reason { get; private set; }

    /// <summary>Whether <see cref="Late"/> will come.</summary>
    public bool HasDeadline => deadline is not null;

    /// <summary>Whether a last checkpoint fits before the deadline, if there is one.</summary>
    /// <param name="checkpointTook">As for <see cref="LeavePlan.Fits"/>.</param>
    public bool LeavesTimeFor(TimeSpan? checkpointTook)
    {
        lock (gate)
        {
            return deadline is not { } at || LeavePlan.Fits(at - time.GetUtcNow(), checkpointTook);
        }
    }

    /// <param name="before">When the machine ends; null: no deadline.</param>
    public void Stop(StopReason reason, DateTimeOffset? before = null)
    {
        lock (gate)
        {
            if (Reason is null || reason == StopReason.Fenced)
            {
                Reason = reason;
            }

            if (before is { } at && !(deadline <= at))
            {
                deadline = at;
                var left = LeavePlan.TimeToCommit(at - time.GetUtcNow());
                late.CancelAfter(left < Longest ? left : Longest);
            }
        }

        source.Cancel();
    }
}
