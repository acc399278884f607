using Slowrun.Core.Stages;

namespace Slowrun.Grains.Telemetry;

/// <summary>The state of an owner at work, readable at any time and from any thread.</summary>
/// <param name="durableStep">The step that the stage would go on from.</param>
/// <param name="pace">How its checkpoints are timed; null: not known yet.</param>
internal sealed class StageView(
    Func<StageProgress> progress,
    Func<int> durableStep,
    Func<CheckpointPace?> pace,
    DateTimeOffset takenAt,
    TimeProvider time
)
{
    // Steps of one stage take alike; ten times the longest is no noise. Compilers, caches and a busy machine make first steps slow.
    private const int LongestSteps = 10;
    private static readonly TimeSpan LeastPatience = TimeSpan.FromMinutes(15);

    private long steppedAt = time.GetTimestamp();
    private long committedAt = time.GetTimestamp();
    private long longestTicks;
    private volatile bool trains;

    public StageProgress Progress => progress();

    public int DurableStep => durableStep();

    public TimeSpan? Interval => pace() is { } now ? TimeSpan.FromSeconds(now.IntervalSeconds) : null;

    /// <summary>Since the last commit, or since this owner began.</summary>
    public TimeSpan DurableAge => time.GetElapsedTime(Interlocked.Read(ref committedAt));

    public TimeSpan SinceTake => time.GetUtcNow() - takenAt;

    /// <summary>For how long a trainer that should do steps has done none, where that is too long; null: it trains, or does something
    /// else.</summary>
    public TimeSpan? Hung
    {
        get
        {
            var silence = time.GetElapsedTime(Interlocked.Read(ref steppedAt));
            var patience = TimeSpan.FromTicks(Interlocked.Read(ref longestTicks)) * LongestSteps;
            // After the last step, evaluating the weights may take long.
            return trains && Progress.Activity != StageActivity.Finishing && silence > (patience > LeastPatience ? patience : LeastPatience)
                ? silence
                : null;
        }
    }

    public void Turned(Account? next)
    {
        Interlocked.Exchange(ref steppedAt, time.GetTimestamp());
        trains = next == Account.Training;
    }

    public void Stepped(TimeSpan took)
    {
        Interlocked.Exchange(ref steppedAt, time.GetTimestamp());
        if (took.Ticks > Interlocked.Read(ref longestTicks))
        {
            Interlocked.Exchange(ref longestTicks, took.Ticks);
        }
    }

    public void Committed() => Interlocked.Exchange(ref committedAt, time.GetTimestamp());
}
