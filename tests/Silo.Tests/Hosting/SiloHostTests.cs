using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using Slowrun.Clustering.Persistence;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Tests.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;
using Slowrun.Tests.Storage;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>What a silo is composed of; none of these is started.</summary>
[Collection(Metric.OneAtATime)]
public sealed class SiloHostTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silo_OnAnAzureStore_KeepsItsGrainsStatesByMicrosoftsProvider()
    {
        var store = await AzureBlobStore.OpenAsync(
            Azurite.NewAddress(),
            create: true,
            Azurite.ConnectionString(await Azurite.PortAsync()),
            cancellationToken: Stop
        );

        Assert.All(await StoragesOfAsync(store), storage => Assert.IsType<AzureBlobGrainStorage>(storage));
    }

    [Fact]
    public async Task Silo_OnAnyOtherStore_KeepsThemByTheStoresOwn() =>
        Assert.All(await StoragesOfAsync(new MemoryStore()), storage => Assert.IsType<StoreGrainStorage>(storage));

    /// <summary>The commit protocol settles conflicts; a stack for each would hide what matters.</summary>
    [Theory]
    [InlineData("Orleans.Storage.AzureBlobGrainStorage", false)]
    [InlineData("Slowrun.Clustering.Persistence.StoreGrainStorage", false)]
    [InlineData("Orleans.Runtime.Catalog", true)]
    [InlineData("Slowrun.Clustering.Membership.DeadSilos", true)]
    [InlineData("Slowrun.Grains.Stages.StageRunner", true)]
    public async Task Log_OfACategory_HasItsErrorsUnlessAnotherTellsThem(string category, bool told)
    {
        using var host = await BuildAsync(new MemoryStore());
        Assert.Equal(told, host.Services.GetRequiredService<ILoggerFactory>().CreateLogger(category).IsEnabled(LogLevel.Error));
    }

    private static async Task<IReadOnlyList<IGrainStorage>> StoragesOfAsync(IObjectStore store)
    {
        using var host = await BuildAsync(store);
        return
        [
            .. host.Services.GetKeyedServices<IGrainStorage>(KeyedService.AnyKey),
            host.Services.GetRequiredKeyedService<IGrainStorage>("stages"),
        ];
    }

    private static Task<IHost> BuildAsync(IObjectStore store) =>
        SiloHost.BuildAsync(
            new SiloSettings
            {
                Store = store.Address,
                Slots = ["cpu:0"],
                Name = "composed",
            },
            store,
            Stop
        );
}
