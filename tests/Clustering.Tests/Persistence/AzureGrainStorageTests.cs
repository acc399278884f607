using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;
using Slowrun.Storage.Tests.Stores;
using Slowrun.Tests.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class AzureGrainStorageTests : BlobGrainStorageContract
{
    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(Azurite.NewAddress(), create: true, Azurite.ConnectionString(await Azurite.PortAsync()));

    [Fact]
    public async Task Write_WhenEveryThirdAnswerIsDropped_KnowsEachOfItsOwnWrites()
    {
        await using var proxy = new FaultyProxy(await Azurite.PortAsync());
        var options = new RemoteStoreOptions { FirstDelay = TimeSpan.FromMilliseconds(1) };
        var cancel = TestContext.Current.CancellationToken;
        var store = await AzureBlobStore.OpenAsync(
            Azurite.NewAddress(),
            create: true,
            Azurite.ConnectionString(proxy.Port),
            options,
            cancellationToken: cancel
        );
        var (storage, grain) = (Over(new RecordingStore(store)), GrainId.Create("stage", "demo/chain0/stage1"));
        var state = new GrainState<StageRoot>();
        await storage.ReadStateAsync("root", grain, state, cancel);

        for (var write = 1; write <= 12; write++)
        {
            if (write % 3 == 0)
            {
                proxy.Next(ProxyFault.AnswerLost);
            }

            state.State = new StageRoot { WriteId = $"write {write}", Revision = write };
            await storage.WriteStateAsync("root", grain, state, cancel);
        }

        var read = new GrainState<StageRoot>();
        await storage.ReadStateAsync("root", grain, read, cancel);
        Assert.Equal((4, "write 12", state.ETag), (proxy.Struck, read.State!.WriteId, read.ETag));
    }
}
