using Amazon.Runtime;
using Slowrun.Storage.Remote;
using Slowrun.Storage.S3;
using Slowrun.Tests.S3;

namespace Slowrun.Storage.Tests.Stores;

public sealed class S3StoreTests : ObjectStoreContract
{
    // Pages of three, so that every listing has several.
    private readonly FakeS3 server = new() { PageSize = 3 };

    public static AWSCredentials Credentials { get; } = new BasicAWSCredentials(FakeS3.AccessKey, FakeS3.SecretKey);

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override async Task<IObjectStore> OpenAsync() =>
        await S3Store.OpenAsync(
            server.Address("bucket.of-mine/runs-of/2026"),
            create: true,
            Credentials,
            new RemoteStoreOptions { Deadline = TimeSpan.FromSeconds(30) },
            cancellationToken: Cancel
        );

    [Fact]
    public async Task List_InABucketOfSeveralPrograms_GivesTheStoresObjectsAlone()
    {
        server.Put("bucket.of-mine", "runs-of/2026-b/x", "another prefix");
        server.Put("bucket.of-mine", "runs-of/2026/folder/", "a folder's placeholder");
        server.Put("bucket.of-mine", "runs-of/2026/.hidden/x", "no object's name");
        server.Put("bucket.of-mine", "runs-of/2026/a b", "no object's name");
        server.Put("bucket.of-mine", "runs-of/2026/put/by-hand", "by hand");

        Assert.Equal(["put/by-hand"], await Store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        Assert.Equal(["folder", "put"], await Store.ListFoldersAsync("", Cancel).ToArrayAsync(Cancel));
        var found = (await Store.TryReadAsync("put/by-hand", Cancel))!;
        Assert.NotNull(await Store.TryReplaceAsync("put/by-hand", Bytes("ours"), found.ETag, Cancel));
    }

    [Fact]
    public async Task TryCreate_WhenTheStreamFails_LeavesNoPartsBehind()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            Store.TryCreateAsync("a", new TrickleStream(new byte[20 << 20], failAt: 18_000_000), Cancel)
        );

        Assert.Equal(0, server.OpenUploads);
    }

    [Fact]
    public async Task TryCreate_OfALargeStreamThatAnotherOvertakes_LeavesTheOthersAndNoParts()
    {
        var content = new EventfulStream(new byte[10 << 20], 8 << 20, () => server.Put("bucket.of-mine", "runs-of/2026/big", "another's"));

        Assert.False(await Store.TryCreateAsync("big", content, Cancel));

        Assert.Equal("another's"u8.ToArray(), (await Store.TryReadAsync("big", Cancel))!.Content.ToArray());
        Assert.Equal(0, server.OpenUploads);
    }

    [Fact]
    public async Task AnyConditionalWrite_OnAConflict_IsTriedAgain()
    {
        server.Conflicts = 2;
        var etag = await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        Assert.NotNull(etag);

        server.Conflicts = 2;
        Assert.NotNull(await Store.TryReplaceAsync("a", Bytes("two"), etag, Cancel));
    }

    [Fact]
    public async Task Open_OfABucketThatIsMissingAndNotToBeCreated_SaysSo()
    {
        var missing = server.NewAddress();

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            S3Store.OpenAsync(missing, create: false, Credentials, cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Missing, e.Problem);
        Assert.Contains(missing, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfAStoreThatWasOpenedBefore_AsksNothingTwice()
    {
        server.Asked.Clear();
        await OpenAsync();

        Assert.DoesNotContain(server.Asked, asked => asked.StartsWith("PUT", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("If-None-Match")]
    [InlineData("If-Match")]
    public async Task Open_OfAServerThatIgnoresConditions_IsRefusedEachTime(string header)
    {
        await using var careless = new FakeS3 { Ignored = header };
        var address = careless.NewAddress();
        for (var i = 0; i < 2; i++)
        {
            var e = await Assert.ThrowsAsync<StoreException>(() =>
                S3Store.OpenAsync(address, create: true, Credentials, cancellationToken: Cancel)
            );

            Assert.Equal(StoreProblem.Unsuitable, e.Problem);
            Assert.Contains($"ignores conditional writes ({header}): two trainers could both commit", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Open_OfAStoreCopiedToAServerThatIgnoresConditions_IsRefused()
    {
        await OpenAsync();
        var proof = server
            .Asked.Select(asked => asked.Split('/')[^1].Split('?')[0])
            .Last(name => name.Contains("-at-", StringComparison.Ordinal));
        await using var careless = new FakeS3 { Ignored = "If-Match" };
        var address = careless.Address("bucket.of-mine/runs-of/2026");
        await Assert.ThrowsAsync<StoreException>(() => S3Store.OpenAsync(address, create: true, Credentials, cancellationToken: Cancel));
        careless.Put("bucket.of-mine", $"runs-of/2026/{proof}", "copied");

        await Assert.ThrowsAsync<StoreException>(() => S3Store.OpenAsync(address, create: true, Credentials, cancellationToken: Cancel));
    }
}
