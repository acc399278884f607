using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Tests;
using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Silo.Tests.Grains;

/// <summary>Real silos of which one reads a run for all.</summary>
[Collection(Telemetry.Metric.OneAtATime)]
public sealed class OneReaderTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_WhenItsReaderDoesNotReachTheStore_IsReadAndTrainedByTheOtherSilo()
    {
        var run = new LocalRun(new MemoryStore(), "micro");
        var store = new CutStore(run.Store);
        await using var reader = await TestSilo.StartAsync(store, "reader", metadata: null, Stop);
        await reader.UntilReadyAsync();
        store.IsCut = true;
        await run.SubmitAsync();
        // The grain is there before the other silo is.
        await Assert.ThrowsAnyAsync<Exception>(() => reader.Grains.GetGrain<IRunGrain>("micro").Look(new RunQuestion(reader.Address, 1)));

        await using var other = await TestSilo.StartAsync(run.Store, "other", metadata: null, Stop);

        await Until.HoldsAsync(async () => Readiness.StateOf(await run.FactsAsync()) == RunState.Succeeded);

        Assert.All((await run.FactsAsync()).Roots.Values, root => Assert.Equal(1, root.EpochToken));
    }

    /// <summary>From which no run can be read once it is cut.</summary>
    private sealed class CutStore(IObjectStore inner) : DelegatingStore(inner)
    {
        public volatile bool IsCut;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            IsCut && operation.Name.StartsWith("runs/", StringComparison.Ordinal)
                ? throw new StoreException(StoreProblem.Unreachable, "The store is away.")
                : run();
    }
}
