namespace Slowrun.Clustering.Membership;

/// <summary>
/// For how long a silo's heartbeat stands still while this process could read and write the store throughout, so that a living silo could
/// have written too. Silence alone proves nothing: the store may have been away from everybody. Goes by the steady clock alone, for clocks
/// may be wrong. Safe to use from any thread.
/// </summary>
internal sealed class HeartbeatWatch(TimeProvider time)
{
    /// <summary>Answers of the store that are further apart leave room for an outage between them: what was watched before no longer
    /// counts.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// What a living silo may need beyond its period: a gap that the watcher did not see, and the second after which a heartbeat that
    /// failed is tried again. (On a blob store what waits inside its pipeline is cut off after two seconds.)
    /// </summary>
    public static readonly TimeSpan Allowance = TimeSpan.FromSeconds(2.5);

    private readonly Lock gate = new();
    private readonly Dictionary<string, (DateTime Sign, long Since)> seen = new(StringComparer.Ordinal);
    private Streak reads;
    private Streak writes;

    public long Now => time.GetTimestamp();

    /// <summary>How long a silo must have been watched in vain before it may be taken for dead: its period, and the allowance.</summary>
    public static TimeSpan Patience(MembershipRow row) =>
        (row.HeartbeatSeconds is { } promised ? TimeSpan.FromSeconds(promised) : ClusterTuning.Heartbeat) + Allowance;

    /// <summary>The document was read.</summary>
    /// <param name="began">When that began, by <see cref="Now"/>.</param>
    public void Read(long began, MembershipDocument document)
    {
        lock (gate)
        {
            var now = Now;
            reads = reads.Longer(began, now, time);
            foreach (var row in document.Rows)
            {
                if (!seen.TryGetValue(row.Silo, out var last) || last.Sign != row.IAmAliveTime)
                {
                    seen[row.Silo] = (row.IAmAliveTime, now);
                }
            }
        }
    }

    /// <summary>The store has taken a write, or refused it since somebody else's was faster.</summary>
    public void Wrote(long began)
    {
        lock (gate)
        {
            writes = writes.Longer(began, Now, time);
        }
    }

    public void Failed()
    {
        lock (gate)
        {
            reads = writes = default;
        }
    }

    /// <summary>Zero where nothing is proven.</summary>
    public TimeSpan StillFor(MembershipRow row)
    {
        lock (gate)
        {
            if (
                !reads.IsUnbroken(time)
                || !writes.IsUnbroken(time)
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

    /// <summary>Answers of the store without too long a gap between them.</summary>
    private readonly record struct Streak(long Since, long Last, bool Any)
    {
        public Streak Longer(long began, long ended, TimeProvider time) =>
            new(Any && time.GetElapsedTime(Last, ended) <= LongestGap ? Since : ended, began, true);

        public bool IsUnbroken(TimeProvider time) => Any && time.GetElapsedTime(Last) <= LongestGap;
    }
}
