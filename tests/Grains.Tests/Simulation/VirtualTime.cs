namespace Slowrun.Grains.Tests.Simulation;

/// <summary>
/// A clock that goes on to the next timer at once. Everything runs on the thread that calls <see cref="Run"/>: what awaits a timer goes on
/// where the timer fires.
/// </summary>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Timer, (long At, long Order)> timers = new();

    // Not 0: that is how code says of a timestamp that there is none.
    private long now = TimeSpan.TicksPerSecond;
    private readonly int thread = Environment.CurrentManagedThreadId;
    private long order;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Now => TimeSpan.FromTicks(now);

    public override long GetTimestamp() => now;

    public override DateTimeOffset GetUtcNow() => Start.AddTicks(now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (Environment.CurrentManagedThreadId != thread)
        {
            throw new InvalidOperationException("Something of the simulation has left its thread, so that its order is no longer certain.");
        }

        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass until then.</summary>
    public void Run(TimeSpan until)
    {
        while (timers.TryPeek(out var timer, out var due) && due.At <= until.Ticks)
        {
            timers.Dequeue();
            if (timer.IsDue(due.At))
            {
                now = due.At;
                timer.Fire();
            }
        }

        now = until.Ticks;
    }

    private sealed class Timer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        private long? due;
        private TimeSpan period;

        public bool IsDue(long at) => due == at;

        public bool Change(TimeSpan dueTime, TimeSpan newPeriod)
        {
            period = newPeriod;
            due = dueTime == Timeout.InfiniteTimeSpan ? null : time.now + Math.Max(0, dueTime.Ticks);
            if (due is { } at)
            {
                time.timers.Enqueue(this, (at, time.order++));
            }

            return true;
        }

        public void Fire()
        {
            due = null;
            if (period != Timeout.InfiniteTimeSpan && period > TimeSpan.Zero)
            {
                Change(period, period);
            }

            callback(state);
        }

        public void Dispose() => due = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
