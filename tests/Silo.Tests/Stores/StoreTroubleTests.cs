using Orleans.Runtime.Placement;
using Slowrun.Clustering.Views;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Tests;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;
using Slowrun.Training;

namespace Slowrun.Silo.Tests.Stores;

/// <summary>What a silo knows of its store reaches those who ask, though nothing can be written.</summary>
[Collection(Metric.OneAtATime)]
public sealed class StoreTroubleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Status_WhenTheStoreIsFullUnderAnOwner_SaysSoThroughItsSilo()
    {
        var store = new FullStore(new MemoryStore());
        await using var run = new LocalRun(store);
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 100_000 } },
                Operations = spec.Operations with { CheckpointEverySteps = 50 },
            }
        );
        await using var silo = await TestSilo.StartAsync(store, "full-silo", metadata: null, Stop);
        await Until.HoldsAsync(async () => (await run.FactsAsync()).RootOf(new StageId(0, 0)).DurableStep > 0);

        store.IsFull = true;

        // From the run grain, to which the owner tells it; from the silo itself; and as a metric.
        SiloTrouble? told = null;
        await Until.HoldsAsync(async () =>
            (
                told = (await silo.Grains.GetGrain<IRunGrain>("micro").GetStatus())?.StoreTroubles?.FirstOrDefault(trouble =>
                    trouble.Store.Work == StoreWork.Upload
                )
            )
                is not null
        );
        Assert.Equal("full-silo", told!.SiloName);
        Assert.Equal("There is no space left.", told.Store.Message);
        Assert.StartsWith("runs/micro/chain0/stage0/", told.Store.ObjectName, StringComparison.Ordinal);

        var live = Assert.Single(await new ClusterView(store, TimeProvider.System).ReadAsync(Stop));
        RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(live.Silo));
        var report = await silo.Grains.GetGrain<ISiloGrain>(live.Silo).Report();
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        Assert.Equal("full-silo", report!.Name);
        Assert.Contains(report.StoreTroubles, trouble => trouble.Work == StoreWork.Upload);
        Assert.Equal(Engine.Revision, report.EngineRevision);

        await Until.HoldsAsync(async () =>
            ScrapedRun
                .Samples(await silo.GetAsync("/metrics"))
                .Any(sample => sample.Series == "slowrun_store_troubles" && sample.Labels["work"] == "upload" && sample.Value > 0)
        );

        store.IsFull = false;
        await Until.HoldsAsync(async () =>
            (await silo.Grains.GetGrain<IRunGrain>("micro").GetStatus())!.StoreTroubles?.Any(trouble =>
                trouble.Store.Work == StoreWork.Upload
            ) != true
        );
    }

    [Fact]
    public async Task Silo_WhenAStageWasBegunWithAnotherEngineRevision_TellsOnceThatItIsNotTaken()
    {
        var store = new FullStore(new MemoryStore());
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        var runner = await run.TakeAsync(new StageId(0, 0));
        runner.Stop(Slowrun.Grains.Slots.StopReason.Requested);
        runner.Start();
        await runner.Completion;
        var root = (await run.FactsAsync()).RootOf(new StageId(0, 0));
        await store.WriteAsync(
            RunPaths.Root("micro", new StageId(0, 0)),
            CanonicalJson.Serialize(root with { Identity = root.Identity! with { EngineRevision = 99 } }),
            Stop
        );

        await using var silo = await TestSilo.StartAsync(store, "new-silo", metadata: null, Stop);
        IReadOnlyList<RunEvent> refused = [];
        await Until.HoldsAsync(async () =>
            (
                refused = await new RunEvents(store, "micro")
                    .ListAsync(cancellationToken: Stop)
                    .Where(happened => happened.Kind == "take-refused")
                    .ToListAsync(Stop)
            ).Count > 0
        );

        Assert.Contains(
            $"engine revision 99 then, {Engine.Revision} now. Another engine revision gives other bytes",
            Assert.Single(refused).Message,
            StringComparison.Ordinal
        );
        Assert.Null((await run.FactsAsync()).RootOf(new StageId(0, 0)).Owner);
    }

    /// <summary>Nothing of a run can be written while it is full; reading works.</summary>
    private sealed class FullStore(IObjectStore inner) : DelegatingStore(inner)
    {
        public bool IsFull { get; set; }

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            IsFull && (operation.Kind is "create" or "replace" or "write") && operation.Name.StartsWith("runs/", StringComparison.Ordinal)
                ? throw new StoreException(StoreProblem.Full, "There is no space left.")
                : run();
    }
}
