namespace Slowrun.Grains.Stages;

/// <summary>Tokens a second over the last few seconds.</summary>
internal sealed class StepRate(TimeProvider time)
{
    // Long enough to be steady on a noisy machine, short enough to show a slow-down while one watches.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);
    private readonly Queue<(long At, long Tokens)> steps = [];
    private long total;

    /// <returns>Tokens a second, or null until two steps were seen.</returns>
    public double? Step(long tokens)
    {
        total += tokens;
        steps.Enqueue((time.GetTimestamp(), total));
        while (steps.Count > 2 && time.GetElapsedTime(steps.Peek().At) > Window)
        {
            steps.Dequeue();
        }

        var (firstAt, first) = steps.Peek();
        var seconds = time.GetElapsedTime(firstAt).TotalSeconds;
        return seconds > 0 ? (total - first) / seconds : null;
    }
}
