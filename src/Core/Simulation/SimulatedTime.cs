namespace Slowrun.Core.Simulation;

/// <summary>A clock that stands where the simulation is, for decision code that asks one.</summary>
internal sealed class SimulatedTime : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>After the run's submission.</summary>
    public double Seconds { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => At(Seconds).Ticks;

    public override DateTimeOffset GetUtcNow() => At(Seconds);

    public static DateTimeOffset At(double seconds) => Start.AddSeconds(seconds);
}
