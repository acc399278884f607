using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Tests.Tokens;

public sealed class StoredTokenSetsTests
{
    private static readonly int[] ByteTokens = [.. Enumerable.Repeat(1, 256), 0];

    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static ArrayTokenSet Set(params ushort[] tokens) => new([256, .. tokens, 256, 65], [0, tokens.Length + 1], ByteTokens);

    private Task<string> UploadAsync(ushort first = 72) =>
        new DataUpload(store).UploadAsync("bytes", Set(first, 73), Set(1), Set(2), "made up", 0.018, Cancel);

    [Fact]
    public async Task Read_OfWhatWasUploaded_GivesTheSameTokens()
    {
        var sets = new StoredTokenSets(store);

        var manifest = await sets.ReadManifestAsync(await UploadAsync(), Cancel);
        var train = await sets.ReadAsync(manifest, manifest.Train, Cancel);

        var ids = new int[3];
        train.Read(1, ids);
        Assert.Equal([72, 73, 256], ids);
        Assert.Equal([0L, 3], train.DocumentStarts);
        Assert.Equal(5, train.Length);
        Assert.Equal(ByteTokens, train.TokenBytes);
        Assert.Equal((257, "bytes", 0.018), (manifest.VocabSize, manifest.Tokenizer, manifest.ValidationOverlap));
    }

    [Fact]
    public async Task Upload_OfTheSameAgain_StoresItOnce()
    {
        var first = await UploadAsync();
        var objects = await store.ListAsync("", Cancel).CountAsync(Cancel);

        Assert.Equal(first, await UploadAsync());
        Assert.Equal(objects, await store.ListAsync("", Cancel).CountAsync(Cancel));
        Assert.NotEqual(first, await UploadAsync(first: 71));
    }

    [Fact]
    public async Task Read_WhenDamagedOrMissing_NamesTheObject()
    {
        var sets = new StoredTokenSets(store);
        var sha256 = await UploadAsync();
        var manifest = await sets.ReadManifestAsync(sha256, Cancel);
        var name = DataPaths.Of(manifest.Train.Sha256);
        var bytes = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        bytes[2] ^= 1; // H to I: a token like any other.
        await store.WriteAsync(name, bytes, Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest, manifest.Train, Cancel));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        await store.TryDeleteAsync(name, cancellationToken: Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest, manifest.Train, Cancel));
        await store.TryDeleteAsync(DataPaths.Of(sha256), cancellationToken: Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadManifestAsync(sha256, Cancel));
    }

    [Fact]
    public async Task Read_WhenTheManifestSaysSomethingElse_Throws()
    {
        var sets = new StoredTokenSets(store);
        var manifest = await sets.ReadManifestAsync(await UploadAsync(), Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest, manifest.Train with { Tokens = 4 }, Cancel));
        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest with { VocabSize = 300 }, manifest.Train, Cancel));
    }

    [Fact]
    public async Task Upload_OfAnotherVocabulary_StoresItsBytes()
    {
        int[] lengths = [3, 2, 0];
        var sha256 = await new DataUpload(store).UploadAsync(
            "made-up",
            new ArrayTokenSet([0, 1, 2], [0], lengths),
            null,
            null,
            "made up",
            null,
            Cancel
        );

        var sets = new StoredTokenSets(store);
        var manifest = await sets.ReadManifestAsync(sha256, Cancel);
        Assert.Equal(lengths, (await sets.ReadAsync(manifest, manifest.Train, Cancel)).TokenBytes);
        Assert.Equal(sha256, CanonicalJson.Sha256(manifest));
    }

    [Theory]
    [InlineData(new long[] { 1 })]
    [InlineData(new long[] { 0, 0 })]
    [InlineData(new long[] { 0, 3 })]
    [InlineData(new long[] { })]
    public void ArrayTokenSet_WithStartsThatDoNotFit_Throws(long[] starts) =>
        Assert.Throws<ArgumentException>(() => new ArrayTokenSet([1, 2, 3], starts, ByteTokens));

    [Fact]
    public void ArrayTokenSet_WithATokenOutsideTheVocabulary_Throws() =>
        Assert.Throws<ArgumentException>(() => new ArrayTokenSet([257], [0], ByteTokens));
}
