using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;
using Slowrun.Storage.Runs;
using Slowrun.Tests.Storage;

namespace Slowrun.Storage.Tests.Stores;

public sealed class AzureBlobStoreTests : ObjectStoreContract
{
    private readonly string address = Azurite.NewAddress();

    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(
            address,
            create: true,
            Azurite.ConnectionString(await Azurite.PortAsync()),
            new RemoteStoreOptions { Deadline = TimeSpan.FromSeconds(30) },
            cancellationToken: Cancel
        );

    [Fact]
    public async Task Open_WhenTheContainerIsMissingAndNotToBeCreated_SaysSo()
    {
        var missing = Azurite.NewAddress();
        var credentials = Azurite.ConnectionString(await Azurite.PortAsync());

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(missing, create: false, credentials, cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Missing, e.Problem);
        Assert.Contains(missing, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Etags of the service decide which of two renames at once has the name.</summary>
    [Fact]
    public async Task GiveAsync_ToTwoRunsAtOnce_IsOneRunsNameAlone()
    {
        var naming = new RunNaming(Store);
        string[] runs = ["first", "second"];
        foreach (var run in runs)
        {
            await new RunDocuments(Store, run).TryCreateSpecAsync(SpecReader.FromPreset("micro", new SpecOverrides { Name = run }), Cancel);
        }

        var given = await Task.WhenAll(
            runs.Select(async run =>
            {
                try
                {
                    await naming.GiveAsync(run, "best", Cancel);
                    return run;
                }
                catch (NotPossibleException)
                {
                    return null;
                }
            })
        );

        var named = Assert.Single(given, run => run is not null);
        Assert.Equal(named, await naming.ResolveAsync("best", Cancel));
        Assert.Equal("best", await naming.GiveAsync(named!, named!, Cancel));
        Assert.Equal("best", await naming.ResolveAsync("best", Cancel));
    }
}
