using System.Collections.Concurrent;
using Slowrun.Core.Plan;

namespace Slowrun.Grains.Slots;

/// <summary>The work on this silo's slots, so that a silo that stops can stop it first. Safe to use from any thread.</summary>
internal sealed class LocalWork
{
    private readonly ConcurrentDictionary<string, Entry> running = new(StringComparer.Ordinal);
    private volatile StopOrder? stopping;

    /// <summary>Announces work that is about to be taken: until it runs, or is disposed, its stage does not count as an orphan.</summary>
    /// <returns>Null where the work is here already, or this silo stops.</returns>
    public IDisposable? TryBegin(string key)
    {
        var entry = new Entry(this, key);
        return stopping is null && running.TryAdd(key, entry) ? entry : null;
    }

    /// <summary>The announced work runs now.</summary>
    /// <param name="begun">From <see cref="TryBegin"/>.</param>
    /// <param name="stop">Asks it to stop; may be called more than once, also after its end.</param>
    /// <param name="completion">Ends when it has stopped; may not fault.</param>
    /// <param name="held">Its slots, where they may change; else null.</param>
    public void Run(IDisposable begun, Action<StopReason, DateTimeOffset?> stop, Task completion, HeldSlots? held = null)
    {
        var entry = (Entry)begun;
        (entry.Stop, entry.Completion, entry.Held) = (stop, completion, held);
        _ = completion.ContinueWith(_ => entry.Dispose(), TaskScheduler.Default);
        if (stopping is { } order)
        {
            stop(order.Reason, order.Deadline);
        }
    }

    public bool Has(string key) => running.ContainsKey(key);

    /// <summary>The slots of work that runs here and may have more or fewer; else null.</summary>
    public HeldSlots? Held(string key) => running.TryGetValue(key, out var entry) ? entry.Held : null;

    /// <summary>What is under way here, by <see cref="WorkName"/>.</summary>
    public IReadOnlyCollection<string> Names => [.. running.Keys];

    /// <summary>Nothing can begin here any more.</summary>
    public bool Stops => stopping is not null;

    /// <summary>Stops everything and waits until it has committed and released what it could. Nothing can begin any more.</summary>
    /// <param name="deadline">When the machine ends; null: no deadline.</param>
    public Task StopAsync(StopReason reason, DateTimeOffset? deadline, CancellationToken cancellationToken)
    {
        stopping = new StopOrder(reason, deadline);
        var all = running.Values.ToList();
        all.ForEach(one => one.Stop(reason, deadline));
        return Task.WhenAll(all.Select(one => one.Completion)).WaitAsync(cancellationToken);
    }

    private sealed record StopOrder(StopReason Reason, DateTimeOffset? Deadline);

    private sealed class Entry(LocalWork work, string key) : IDisposable
    {
        public Action<StopReason, DateTimeOffset?> Stop { get; set; } = (_, _) => { };

        public Task Completion { get; set; } = Task.CompletedTask;

        public HeldSlots? Held { get; set; }

        // Only this very entry: the same work may have begun again.
        public void Dispose() => work.running.TryRemove(KeyValuePair.Create(key, this));
    }
}
