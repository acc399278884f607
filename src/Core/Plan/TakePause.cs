namespace Slowrun.Core.Plan;

/// <summary>How long a stage is left alone after takes that failed, so that one that fails at once does not use up its budget in
/// seconds.</summary>
public static class TakePause
{
    private static readonly Backoff Pauses = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    /// <param name="failedTakes">Since the last commit; 0: nothing has to be waited for.</param>
    /// <param name="failedAt">When the last of them failed.</param>
    /// <returns>What is left of the pause; null: nothing.</returns>
    public static TimeSpan? Left(int failedTakes, DateTimeOffset failedAt, DateTimeOffset now) =>
        failedTakes > 0 && failedAt + Pauses.After(failedTakes) - now is var left && left > TimeSpan.Zero ? left : null;
}
