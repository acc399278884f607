using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Slowrun.Clustering.Persistence;
using Slowrun.Core.Stages;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

/// <summary>Microsoft's grain storage, hooked as a silo does it, on the documents of any store: the contract, and that it is the store's
/// own documents.</summary>
public abstract class BlobGrainStorageContract : GrainStorageContract
{
    private static readonly GrainId Stage = GrainId.Create("stage", "demo/chain0/stage1");

    private static readonly ServiceProvider Services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected override string ConflictOf(string name) => $"BlobName: {name}, Container: the-container";

    // The provider does not say.
    protected override string? Told(string? foundEtag) => "Unknown";

    private protected override IGrainStorage Over(RecordingStore store) => Microsofts(store);

    [Fact]
    public async Task Write_OfAStagesRoot_GivesTheBytesOfTheStoresOwnStorage()
    {
        var (store, other) = (await OpenAsync(), new MemoryStore());
        await Microsofts(store).WriteStateAsync("root", Stage, new GrainState<Root>(new Root { WriteId = "one" }), Cancel);
        await new StoreGrainStorage(other).WriteStateAsync("root", Stage, new GrainState<Root>(new Root { WriteId = "one" }), Cancel);

        Assert.Equal(await BytesAsync(other), await BytesAsync(store));
        Assert.Contains("\"seal\"", System.Text.Encoding.UTF8.GetString(await BytesAsync(store)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_OfAnOlderStore_IsGoneOnWithByBoth()
    {
        var store = await OpenAsync();
        IGrainStorage[] storages = [new StoreGrainStorage(store), Microsofts(store), new StoreGrainStorage(store), Microsofts(store)];
        for (var i = 0; i < storages.Length; i++)
        {
            var state = new GrainState<Root>();
            await storages[i].ReadStateAsync("root", Stage, state, Cancel);
            Assert.Equal(i == 0 ? "" : $"write {i - 1}", state.State!.WriteId);
            await storages[i].WriteStateAsync("root", Stage, new GrainState<Root>(new Root { WriteId = $"write {i}" }, state.ETag), Cancel);
        }
    }

    [Fact]
    public async Task Write_WhenTheStoreFails_IsSeenByTheStoresWatchAndTellsItsWords()
    {
        var recording = new RecordingStore(await OpenAsync());
        var watched = new WatchedStore(recording, new FakeTimeProvider());
        recording.Before = operation =>
            operation.StartsWith("create", StringComparison.Ordinal)
                ? throw new StoreException(StoreProblem.Full, "There is no room.")
                : Task.CompletedTask;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            Microsofts(watched).WriteStateAsync("root", Stage, new GrainState<Root>(new Root()), Cancel)
        );

        Assert.Equal("There is no room.", e.Message);
        var trouble = Assert.Single(watched.Troubles);
        Assert.Equal((StoreWork.Write, "runs/demo/chain0/stage1/root"), (trouble.Work, trouble.ObjectName));
    }

    [Theory]
    [InlineData("root.json")]
    [InlineData("root-stage/demo/chain0/stage2.json")]
    [InlineData("root-stage/demo/chain0/stage1")]
    public void Blob_OfAnotherNameThanTheProvidersConvention_IsRefused(string name)
    {
        var blobs = new GrainBlobs(new MemoryStore(), "the-container", GrainObjectNames.Default);

        var e = Assert.Throws<NotSupportedException>(() => blobs.GetBlobContainerClient(Stage).GetBlobClient(name));

        Assert.Contains(
            $"'{name}' of grain stage/demo/chain0/stage1; expected 'STATE-stage/demo/chain0/stage1.json'",
            e.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Blob_OfTheProvidersConvention_IsTheStoresDocument() =>
        Assert.Equal(
            "runs/demo/chain0/stage1/root",
            new GrainBlobs(new MemoryStore(), "the-container", GrainObjectNames.Default)
                .GetBlobContainerClient(Stage)
                .GetBlobClient("root-stage/demo/chain0/stage1.json")
                .Name
        );

    private static AzureBlobGrainStorage Microsofts(IObjectStore store)
    {
        var documents = new GrainBlobs(store, "the-container", GrainObjectNames.Default);
        return new AzureBlobGrainStorage(
            "stages",
            new AzureBlobStorageOptions { GrainStorageSerializer = documents },
            documents,
            Services.GetRequiredService<IActivatorProvider>(),
            NullLogger<AzureBlobGrainStorage>.Instance
        );
    }

    private static async Task<byte[]> BytesAsync(IObjectStore store) =>
        (await store.TryReadAsync("runs/demo/chain0/stage1/root", Cancel))!.Content.ToArray();
}
