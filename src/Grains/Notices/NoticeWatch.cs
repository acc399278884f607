using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Grains.Notices;

/// <summary>What one run's reader has seen of it so far: since when it stands still, and which machines it had lost already. For one caller
/// at a time.</summary>
internal sealed class NoticeWatch(TimeProvider time)
{
    // A silo that has just come sees a run stand still for as long as no silo was there. It gets this time to set it going again.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    private (long Committed, long Steps)? place;
    private TimeSpan before;
    private long since;
    private long begun;
    private HashSet<string>? known;

    /// <summary>Takes what was read now.</summary>
    /// <returns>Addresses of silos that were lost under the run since the last call.</returns>
    public IReadOnlyList<string> Saw(RunFacts facts)
    {
        var now = (
            facts.Committed,
            facts.Progress.Where(pair => pair.Value.IsOf(facts.RootOf(pair.Key))).Sum(pair => (long)pair.Value.Step)
        );
        if (place is null)
        {
            (begun, since, before) = (time.GetTimestamp(), time.GetTimestamp(), Age(facts));
        }
        else if (place != now || !GoesOn(facts))
        {
            (since, before) = (time.GetTimestamp(), TimeSpan.Zero);
        }

        place = now;
        var lost = facts.Roots.Values.SelectMany(root => root.LostSilos).ToHashSet(StringComparer.Ordinal);
        List<string> fresh = known is null ? [] : [.. lost.Except(known)];
        known = [.. lost, .. known ?? []];
        return fresh;
    }

    /// <summary>How long the run stands still, where that is to be told to a receiver; null: it is not.</summary>
    public TimeSpan? StalledFor(RunFacts facts, NotifyTarget target)
    {
        var still = before + time.GetElapsedTime(since);
        var seen = time.GetElapsedTime(begun);
        return GoesOn(facts) && still > target.StalledAfter && seen >= (target.StalledAfter < Grace ? target.StalledAfter : Grace)
            ? still
            : null;
    }

    /// <summary>Whether something should happen without the user.</summary>
    private static bool GoesOn(RunFacts facts) => Readiness.StateOf(facts) is RunState.Running or RunState.Pending;

    /// <summary>The time since the last durable sign that something was done.</summary>
    private TimeSpan Age(RunFacts facts)
    {
        var last = facts.Roots.Values.SelectMany(root => new[] { root.Current?.At, root.Snapshot?.At }).Append(facts.SubmittedAt).Max();
        var age = last is { } at ? time.GetUtcNow() - at : TimeSpan.Zero;
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }
}
