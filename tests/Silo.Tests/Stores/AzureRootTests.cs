using Slowrun.Core.Plan;
using Slowrun.Grains.Tests;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Runs;
using Slowrun.Tests.Storage;

namespace Slowrun.Silo.Tests.Stores;

/// <summary>A whole silo on a container of Azure, whose roots Microsoft's grain storage writes.</summary>
[Collection(Metric.OneAtATime)]
public sealed class AzureRootTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Owner_WhenItsRootIsDamagedUnderIt_WritesItAgainAndStays()
    {
        var store = await AzureBlobStore.OpenAsync(
            Azurite.NewAddress(),
            create: true,
            Azurite.ConnectionString(await Azurite.PortAsync()),
            cancellationToken: Stop
        );
        await using var run = new LocalRun(store);
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 100_000 } },
                Operations = spec.Operations with { CheckpointEverySteps = 20 },
            }
        );
        await using var silo = await TestSilo.StartAsync(store, "azure-silo", metadata: null, Stop);
        await Until.HoldsAsync(async () => (await run.FactsAsync()).RootOf(Stage).DurableStep > 0);

        await store.WriteAsync(RunPaths.Root("micro", Stage), "{"u8.ToArray(), Stop);
        var before = (await run.FactsAsync()).RootOf(Stage).DurableStep;
        await Until.HoldsAsync(async () => (await run.FactsAsync()).RootOf(Stage).DurableStep > before);
        await Until.HoldsAsync(async () => (await run.StoryAsync()).Contains("root-restored", StringComparison.Ordinal));

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((1L, "azure-silo", 0), (root.EpochToken, root.Owner!.SiloName, root.Preemptions));
    }
}
