namespace Slowrun.Grains.Stages;

/// <summary>The runners of this silo, so that a silo that stops can stop them first. Safe to use from any thread.</summary>
internal sealed class LocalRunners
{
    private readonly Lock gate = new();
    private readonly HashSet<StageRunner> runners = [];

    public void Add(StageRunner runner)
    {
        lock (gate)
        {
            runners.Add(runner);
        }
    }

    public void Remove(StageRunner runner)
    {
        lock (gate)
        {
            runners.Remove(runner);
        }
    }

    /// <summary>Stops all of them and waits until each has committed and released what it could.</summary>
    public Task StopAsync(StopReason reason, CancellationToken cancellationToken)
    {
        StageRunner[] all;
        lock (gate)
        {
            all = [.. runners];
        }

        foreach (var runner in all)
        {
            runner.Stop(reason);
        }

        return Task.WhenAll(all.Select(runner => runner.Completion)).WaitAsync(cancellationToken);
    }
}
