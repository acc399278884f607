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
        if (!running.TryAdd(key, entry))
        {
            return null;
        }

        if (stopping is null)
        {
            return entry;
        }

        // After the entry was added: a stop at this moment waits for it, or it is not let in.
        entry.Dispose();
        return null;
    }

    /// <summary>The announced work runs now.</summary>
    /// <param name="begun">From <see cref="TryBegin"/>.</param>
    /// <param name="stop">Asks it to stop; may be called more than once, also after its end.</param>
    /// <param name="completion">Ends when it has stopped; may not fault.</param>
    /// <param name="held">Its slots, where they may change; else null.</param>
    /// <param name="letGo">Ends when others may go on with it, not later than <paramref name="completion"/>; null: with that.</param>
    public void Run(
        IDisposable begun,
        Action<StopReason, DateTimeOffset?> stop,
        Task completion,
        HeldSlots? held = null,
        Task? letGo = null
    )
    {
        var entry = (Entry)begun;
        (entry.Stop, entry.Held, entry.LetGo) = (stop, held, letGo ?? completion);
        entry.EndsWith(completion);
        if (stopping is { } order)
        {
            stop(order.Reason, order.Deadline);
        }
    }

    public bool Has(string key) => running.ContainsKey(key);

    /// <summary>Whether it is here and no other silo may go on with it: not once it was let go, while the rest is written behind.</summary>
    public bool IsHeld(string key) => running.TryGetValue(key, out var entry) && !entry.LetGo.IsCompleted;

    /// <summary>The slots of work that runs here and may have more or fewer; else null.</summary>
    public HeldSlots? Held(string key) => running.TryGetValue(key, out var entry) ? entry.Held : null;

    /// <summary>What is under way here, by <see cref="WorkName"/>.</summary>
    public IReadOnlyCollection<string> Names => [.. running.Keys];

    /// <summary>Nothing can begin here any more.</summary>
    public bool Stops => stopping is not null;

    /// <summary>Stops everything and waits until it has committed and released what it could, also what is being taken at this moment.
    /// Nothing can begin any more.</summary>
    /// <param name="deadline">When the machine ends; null: no deadline.</param>
    public Task StopAsync(StopReason reason, DateTimeOffset? deadline, CancellationToken cancellationToken)
    {
        stopping = new StopOrder(reason, deadline);
        var all = running.Values.ToList();
        all.ForEach(one => one.Stop(reason, deadline));
        return Task.WhenAll(all.Select(one => one.Ended)).WaitAsync(cancellationToken);
    }

    private sealed record StopOrder(StopReason Reason, DateTimeOffset? Deadline);

    private sealed class Entry(LocalWork work, string key) : IDisposable
    {
        private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool runs;

        public Action<StopReason, DateTimeOffset?> Stop { get; set; } = (_, _) => { };

        public HeldSlots? Held { get; set; }

        public Task LetGo { get; set; } = new TaskCompletionSource().Task;

        /// <summary>Ends when the work has stopped, or was not taken.</summary>
        public Task Ended => ended.Task;

        public void EndsWith(Task completion)
        {
            runs = true;
            _ = completion.ContinueWith(
                _ =>
                {
                    Remove();
                    ended.TrySetResult();
                },
                TaskScheduler.Default
            );
        }

        public void Dispose()
        {
            Remove();
            if (!runs)
            {
                ended.TrySetResult();
            }
        }

        // Only this very entry: the same work may have begun again.
        private void Remove() => work.running.TryRemove(KeyValuePair.Create(key, this));
    }
}
