namespace Slowrun.Grains.Stages;

/// <summary>Tokens a second over a time that ends now.</summary>
/// <param name="window">At least two steps are in it, however long they take.</param>
/// <param name="least">Before so much time was seen there is no rate.</param>
internal sealed class StepRate(TimeProvider time, TimeSpan window, TimeSpan least = default)
{
    // Long enough to be steady on a noisy machine, short enough to show a slow-down while one watches.
    private static readonly TimeSpan LastSeconds = TimeSpan.FromSeconds(5);

    // Some checkpoints are in it; the first steps of a take are slower than the others.
    private static readonly TimeSpan LastMinutes = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan FirstSteps = TimeSpan.FromSeconds(10);

    // So many entries are enough: a step of a millisecond needs none of its own.
    private const int MostSteps = 1000;

    private readonly Queue<(long At, long Tokens)> steps = [];
    private long total;
    private long last;

    public static StepRate Now(TimeProvider time) => new(time, LastSeconds);

    public static StepRate Steady(TimeProvider time) => new(time, LastMinutes, FirstSteps);

    /// <returns>Tokens a second; null until two steps, and time enough, were seen.</returns>
    public double? Step(long tokens)
    {
        total += tokens;
        var now = time.GetTimestamp();
        if (steps.Count < 2 || time.GetElapsedTime(last, now) >= window / MostSteps)
        {
            steps.Enqueue((now, total));
            last = now;
        }

        while (steps.Count > 2 && time.GetElapsedTime(steps.Peek().At, now) > window)
        {
            steps.Dequeue();
        }

        var (firstAt, first) = steps.Peek();
        var seen = time.GetElapsedTime(firstAt, now);
        return seen > TimeSpan.Zero && seen >= least ? (total - first) / seen.TotalSeconds : null;
    }
}
