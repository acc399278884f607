using System.Security.Cryptography;

namespace Slowrun.Storage;

/// <summary>
/// The time of a store, as one machine knows it: what several machines agree on. It starts from the machine's clock and is corrected only
/// as far as the store proves that clock wrong. After the start it advances by the monotonic clock, so it does not jump with the machine's.
/// </summary>
public sealed class StoreClock(TimeProvider time) : TimeProvider
{
    private const string Object = "cluster/clock";

    // Cloud stores tell whole seconds: what they call s lies in [s, s + 1).
    private static readonly TimeSpan WholeSecond = TimeSpan.FromSeconds(1);

    // Linux dates files by a clock that ticks every few milliseconds.
    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(20);

    private readonly Lock gate = new();
    private readonly DateTimeOffset startedAt = time.GetUtcNow();
    private readonly long startedOn = time.GetTimestamp();
    private TimeSpan offset;

    /// <summary>Store time less the machine's time at the start.</summary>
    public TimeSpan Offset
    {
        get
        {
            lock (gate)
            {
                return offset;
            }
        }
    }

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => startedAt + Offset + time.GetElapsedTime(startedOn);

    public override long GetTimestamp() => time.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(callback, state, dueTime, period);

    /// <summary>The clock of a store for a process that does not keep one: measured now, unless <paramref name="time"/> is one
    /// already.</summary>
    public static async Task<StoreClock> OfAsync(IObjectStore store, TimeProvider time, CancellationToken cancellationToken = default)
    {
        if (time is StoreClock known)
        {
            return known;
        }

        var clock = new StoreClock(time);
        await clock.MeasureAsync(store, cancellationToken).ConfigureAwait(false);
        return clock;
    }

    /// <summary>Asks the store what time it is, by writing a small object and reading when that was: two operations.</summary>
    /// <returns>How far the clock had to be set.</returns>
    public async Task<TimeSpan> MeasureAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        var sent = GetUtcNow();
        await store.WriteAsync(Object, RandomNumberGenerator.GetBytes(8), cancellationToken).ConfigureAwait(false);
        var found = await store.TryReadAsync(Object, cancellationToken).ConfigureAwait(false);
        var received = GetUtcNow();
        return found is null ? TimeSpan.Zero : Set(sent, found.ModifiedAt, received);
    }

    /// <summary>The store wrote between <paramref name="sent"/> and <paramref name="received"/>, and says when: the clock is set no further
    /// than that proves.</summary>
    internal TimeSpan Set(DateTimeOffset sent, DateTimeOffset written, DateTimeOffset received)
    {
        var earliest = written - received;
        var latest = written - sent + Grain + (written.UtcTicks % TimeSpan.TicksPerSecond == 0 ? WholeSecond : TimeSpan.Zero);
        var correction =
            earliest > TimeSpan.Zero ? earliest
            : latest < TimeSpan.Zero ? latest
            : TimeSpan.Zero;
        lock (gate)
        {
            offset += correction;
        }

        return correction;
    }
}
