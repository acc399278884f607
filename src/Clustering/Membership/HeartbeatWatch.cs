namespace Slowrun.Clustering.Membership;

/// <summary>
/// For how long a silo's heartbeat has not changed while this process could read and write the store all the time, so that a living silo
/// could have written too. Silence alone proves nothing: the store may have been unreachable for all. Uses the monotonic clock alone, since
/// clocks may be wrong. Safe to use from any thread.
/// </summary>
internal sealed class HeartbeatWatch(TimeProvider time) : IHeartbeats
{
    /// <summary>Answers of the store that are further apart leave room for an outage between them: what was watched before no longer
    /// counts. Of a store that answers at its usual pace in less than half a second.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// What a living silo may need beyond its period: an outage that the watcher did not see, and the second until a failed heartbeat is
    /// tried again. (On a blob store what waits inside its pipeline is cut off after two seconds.)
    /// </summary>
    public static readonly TimeSpan Allowance = TimeSpan.FromSeconds(2.5);

    /// <summary>The allowance for a silo whose port refuses connections, which says by itself that nothing listens there.</summary>
    public static readonly TimeSpan AllowanceWithRefused = TimeSpan.FromSeconds(1);

    /// <summary>A heartbeat, which is a read and a write, is given up and begun anew after so long on a store that is quick.</summary>
    public static readonly TimeSpan ShortestTry = TimeSpan.FromSeconds(2);

    // Twice a heartbeat: of an answer that was quicker than the next ones.
    private const int OperationsInATry = 4;

    // A check is a read, a write, and half a second until the next read; a heartbeat a read and a write.
    private const int OperationsInAGap = 5;

    // Of a store whose every answer takes three seconds. What is slower still proves nothing.
    private static readonly TimeSpan WidestGap = TimeSpan.FromSeconds(15);

    // The quickest of so many shows the store's pace: an outage makes some slow, a slow store makes all slow.
    private const int Remembered = 8;

    // A heartbeat that is only just written, and the time until it is read.
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(0.5);

    private readonly Lock gate = new();
    private readonly Dictionary<string, (DateTime Sign, long Since)> seen = new(StringComparer.Ordinal);
    private readonly Queue<TimeSpan> took = new();
    private TimeSpan lastTook;
    private Streak reads;
    private Streak writes;

    public long Now => time.GetTimestamp();

    /// <summary>By the last answer alone: it is short again soon after an outage, and does not change during one.</summary>
    public TimeSpan TryTime
    {
        get
        {
            lock (gate)
            {
                var asked = lastTook * OperationsInATry;
                return asked < ShortestTry ? ShortestTry
                    : asked < WidestGap ? asked
                    : WidestGap;
            }
        }
    }

    /// <summary>Its period, and the allowance, which is longer on a slow store.</summary>
    public TimeSpan Patience(MembershipRow row)
    {
        lock (gate)
        {
            return Period(row) + Longer(Allowance);
        }
    }

    /// <inheritdoc/>
    public TimeSpan PatienceWithRefused(MembershipRow row)
    {
        lock (gate)
        {
            return Period(row) + Longer(AllowanceWithRefused);
        }
    }

    /// <inheritdoc/>
    public bool IsOverdue(MembershipRow row)
    {
        lock (gate)
        {
            return row.HeartbeatSeconds is not null
                && seen.TryGetValue(row.Silo, out var last)
                && time.GetElapsedTime(last.Since) > Period(row) + Late;
        }
    }

    /// <summary>The document was read.</summary>
    /// <param name="began">When that began, by <see cref="Now"/>.</param>
    public void Read(long began, MembershipDocument document)
    {
        lock (gate)
        {
            var now = Now;
            Took(time.GetElapsedTime(began, now));
            reads = reads.Longer(began, now, Longer(LongestGap), time);
            foreach (var row in document.Rows)
            {
                if (!seen.TryGetValue(row.Silo, out var last) || last.Sign != row.IAmAliveTime)
                {
                    seen[row.Silo] = (row.IAmAliveTime, now);
                }
            }
        }
    }

    /// <summary>The store has accepted a write, or refused it because another one was faster.</summary>
    public void Wrote(long began)
    {
        lock (gate)
        {
            var now = Now;
            Took(time.GetElapsedTime(began, now));
            writes = writes.Longer(began, now, Longer(LongestGap), time);
        }
    }

    public void Failed()
    {
        lock (gate)
        {
            reads = writes = default;
        }
    }

    /// <inheritdoc/>
    public TimeSpan StillFor(MembershipRow row)
    {
        lock (gate)
        {
            if (
                !reads.IsUnbroken(Longer(LongestGap), time)
                || !writes.IsUnbroken(Longer(LongestGap), time)
                || !seen.TryGetValue(row.Silo, out var last)
                || last.Sign != row.IAmAliveTime
            )
            {
                return TimeSpan.Zero;
            }

            var still = time.GetElapsedTime(Math.Max(last.Since, Math.Max(reads.Since, writes.Since)), Math.Min(reads.Last, writes.Last));
            return still > TimeSpan.Zero ? still : TimeSpan.Zero;
        }
    }

    private static TimeSpan Period(MembershipRow row) =>
        row.HeartbeatSeconds is { } promised ? TimeSpan.FromSeconds(promised) : ClusterTuning.Heartbeat;

    private void Took(TimeSpan operation)
    {
        lastTook = operation;
        took.Enqueue(operation);
        if (took.Count > Remembered)
        {
            took.Dequeue();
        }
    }

    /// <summary>As long as the store's pace asks for.</summary>
    private TimeSpan Longer(TimeSpan least)
    {
        var asked = took.Count < Remembered ? TimeSpan.Zero : took.Min() * OperationsInAGap;
        return asked <= least ? least
            : asked < WidestGap ? asked
            : WidestGap;
    }

    /// <summary>Answers of the store without too long a gap between them.</summary>
    private readonly record struct Streak(long Since, long Last, bool Any)
    {
        public Streak Longer(long began, long ended, TimeSpan gap, TimeProvider time) =>
            new(Any && time.GetElapsedTime(Last, ended) <= gap ? Since : ended, began, true);

        public bool IsUnbroken(TimeSpan gap, TimeProvider time) => Any && time.GetElapsedTime(Last) <= gap;
    }
}
