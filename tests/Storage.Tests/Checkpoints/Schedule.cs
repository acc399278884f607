using Slowrun.Core.Stages;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>
/// Lets several writers share a store with a seed deciding whose operation comes next, and which answers or requests are lost. All run
/// on one thread: an operation waits for its turn, and whatever follows it runs before the next turn is given.
/// </summary>
internal sealed class Schedule(int seed, double lossRate)
{
    private readonly Random random = new(seed);
    private readonly List<TaskCompletionSource> waiting = [];

    /// <summary>Every root that was written, in order, with its writer.</summary>
    public List<(string Writer, StageRoot Root)> Roots { get; } = [];

    public MemoryStore Store { get; } = new();

    /// <summary>Called after every operation took effect.</summary>
    public Action? Check { get; set; }

    public IObjectStore For(string writer) => new Seen(this, writer);

    /// <summary>Starts writers, and gives turns until all are done.</summary>
    public Task<Exception?>[] Run(Func<Task<Exception?>[]> start)
    {
        // With a context of the test framework's, what follows a turn would run on another thread.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var writers = start();
            while (waiting.Count > 0)
            {
                var next = random.Next(waiting.Count);
                var turn = waiting[next];
                waiting.RemoveAt(next);
                turn.SetResult();
            }

            Assert.All(writers, writer => Assert.True(writer.IsCompleted));
            return writers;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private async Task<T> TurnAsync<T>(string writer, DelegatingStore.Operation operation, Func<Task<T>> run)
    {
        var turn = new TaskCompletionSource();
        waiting.Add(turn);
        await turn.Task.ConfigureAwait(false);
        if (random.NextDouble() < lossRate)
        {
            throw new IOException($"Lost request of '{operation}'.");
        }

        var result = await run().ConfigureAwait(false);
        if (operation.Name.EndsWith("/root", StringComparison.Ordinal) && operation.Kind is "create" or "replace" && result is not null)
        {
            Roots.Add((writer, SealedJson.Deserialize<StageRoot>(operation.Name, operation.Content.Span)));
        }

        Check?.Invoke();
        // A slow answer: others come in between.
        if (random.Next(4) == 0)
        {
            var answer = new TaskCompletionSource();
            waiting.Add(answer);
            await answer.Task.ConfigureAwait(false);
        }

        return random.NextDouble() < lossRate ? throw new IOException($"Lost answer of '{operation}'.") : result;
    }

    private sealed class Seen(Schedule schedule, string writer) : DelegatingStore(schedule.Store)
    {
        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) => schedule.TurnAsync(writer, operation, run);
    }
}
