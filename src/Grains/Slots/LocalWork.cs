using System.Collections.Concurrent;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Slots;

/// <summary>What runs on this silo's slots, so that a silo that stops can stop it first. Safe to use from any thread.</summary>
internal sealed class LocalWork
{
    private readonly ConcurrentDictionary<string, (Action<StopReason> Stop, Task Completion)> running = new(StringComparer.Ordinal);
    private StopReason? stopping;

    /// <param name="key"><c>RUN/chain0/stage1</c> with a word for what is done.</param>
    /// <param name="stop">Asks it to stop; may be called more than once.</param>
    /// <param name="completion">Ends when it has stopped; may not fault.</param>
    public void Add(string key, Action<StopReason> stop, Task completion)
    {
        running[key] = (stop, completion);
        _ = completion.ContinueWith(_ => running.TryRemove(key, out var _), TaskScheduler.Default);
        if (stopping is { } reason)
        {
            stop(reason);
        }
    }

    public bool Has(string key) => running.ContainsKey(key);

    /// <summary>Stops everything and waits until it has committed and released what it could.</summary>
    public Task StopAsync(StopReason reason, CancellationToken cancellationToken)
    {
        stopping = reason;
        var all = running.Values.ToList();
        all.ForEach(one => one.Stop(reason));
        return Task.WhenAll(all.Select(one => one.Completion)).WaitAsync(cancellationToken);
    }
}
