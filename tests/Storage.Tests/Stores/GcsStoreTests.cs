using Slowrun.Storage.Gcs;
using Slowrun.Storage.Remote;
using Slowrun.Tests.Gcs;

namespace Slowrun.Storage.Tests.Stores;

public sealed class GcsStoreTests : ObjectStoreContract
{
    // Pages of three, so that every listing has several; half of each block is kept, so that the rest is sent again.
    private readonly FakeGcs server = new() { PageSize = 3, MostOfAPiece = 4 << 20 };

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override async Task<IObjectStore> OpenAsync()
    {
        server.AddBucket("bucket_of.mine");
        return await GcsStore.OpenAsync(
            "gs://bucket_of.mine/runs-of/2026",
            server.Endpoint(),
            options: new RemoteStoreOptions { Deadline = TimeSpan.FromSeconds(30) },
            cancellationToken: Cancel
        );
    }

    [Fact]
    public async Task List_InABucketOfSeveralPrograms_GivesTheStoresObjectsAlone()
    {
        server.Put("bucket_of.mine", "runs-of/2026-b/x", "another prefix");
        server.Put("bucket_of.mine", "runs-of/2026/folder/", "a folder's placeholder");
        server.Put("bucket_of.mine", "runs-of/2026/.hidden/x", "no object's name");
        server.Put("bucket_of.mine", "runs-of/2026/a b", "no object's name");
        server.Put("bucket_of.mine", "runs-of/2026/put/by-hand", "by hand");

        Assert.Equal(["put/by-hand"], await Store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        Assert.Equal(["folder", "put"], await Store.ListFoldersAsync("", Cancel).ToArrayAsync(Cancel));
        var found = (await Store.TryReadAsync("put/by-hand", Cancel))!;
        Assert.NotNull(await Store.TryReplaceAsync("put/by-hand", Bytes("ours"), found.ETag, Cancel));
    }

    [Fact]
    public async Task TryCreate_OfALargeStreamThatAnotherOvertakes_LeavesTheOthers()
    {
        var content = new EventfulStream(new byte[10 << 20], 8 << 20, () => server.Put("bucket_of.mine", "runs-of/2026/big", "another's"));

        Assert.False(await Store.TryCreateAsync("big", content, Cancel));

        Assert.Equal("another's"u8.ToArray(), (await Store.TryReadAsync("big", Cancel))!.Content.ToArray());
    }

    [Fact]
    public async Task TryCreate_OfALargeStreamThatIsDamagedOnItsWay_LeavesNothing()
    {
        server.Damages = true;

        var e = await Assert.ThrowsAsync<StoreException>(() => Store.TryCreateAsync("big", new MemoryStream(new byte[9 << 20]), Cancel));

        Assert.Contains("damaged on its way", e.Message, StringComparison.Ordinal);
        Assert.Null(await Store.TryReadAsync("big", Cancel));
    }

    [Fact]
    public async Task TryCreate_OfALargeStreamWhoseUploadIsForgotten_SaysThatItHasToBeMadeAgain()
    {
        var content = new EventfulStream(new byte[10 << 20], 8 << 20, server.ForgetUploads);

        var e = await Assert.ThrowsAsync<StoreException>(() => Store.TryCreateAsync("big", content, Cancel));

        Assert.Equal(StoreProblem.Unreachable, e.Problem);
        Assert.Contains("lost the upload of 'big': 404 Not Found", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("\"an-etag\"")]
    public async Task TryReplace_WithWhatIsNoGeneration_IsNullAndCreatesNothing(string etag)
    {
        Assert.Null(await Store.TryReplaceAsync("a", Bytes("x"), etag, Cancel));
        Assert.False(await Store.TryDeleteAsync("a", etag, Cancel));
        Assert.Null(await Store.TryReadAsync("a", Cancel));
    }

    [Fact]
    public async Task Open_OfABucketThatIsMissing_SaysHowToMakeIt()
    {
        var e = await Assert.ThrowsAsync<StoreException>(() =>
            GcsStore.OpenAsync("gs://missing/store", server.Endpoint(), cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Missing, e.Problem);
        Assert.Contains("gcloud storage buckets create gs://missing --location=REGION", e.Message, StringComparison.Ordinal);
    }
}
