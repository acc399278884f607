using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Tests.Safetensors;
using Slowrun.Storage.Tokens;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>From memory, from a directory's own file and from a file of the cache: the same weights, or an error that names the
/// object.</summary>
public sealed class LocalSnapshotsTests : IDisposable
{
    private static readonly IReadOnlyList<TensorData> Weights = [SafetensorsTests.Floats("a", 1, 2, 3), SafetensorsTests.Floats("b", 4)];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("memory")]
    [InlineData("directory")]
    [InlineData("cache")]
    public async Task Open_OfASnapshot_GivesItsWeights(string where)
    {
        var (store, snapshots) = await OfAsync(where);
        var snapshot = await CreateAsync(store);

        using var opened = await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel);

        Assert.Equal(Weights.Select(tensor => (tensor.Name, Bytes(tensor))), opened.Tensors.Select(tensor => (tensor.Name, Bytes(tensor))));
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("directory")]
    [InlineData("cache")]
    public async Task Open_WhenMissingOrDamaged_NamesTheObject(string where)
    {
        var (store, snapshots) = await OfAsync(where);
        var snapshot = await CreateAsync(store);
        var bytes = (await store.TryReadAsync(snapshot.Name, Cancel))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(snapshot.Name, bytes, Cancel);

        var damaged = await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.OpenAsync(Run, snapshot.Sha256, Cancel));
        await store.TryDeleteAsync(snapshot.Name, cancellationToken: Cancel);
        var missing = await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.OpenAsync(Run, snapshot.Sha256, Cancel));

        Assert.Contains($"'{snapshot.Name}' is damaged", damaged.Message, StringComparison.Ordinal);
        Assert.Contains($"'{snapshot.Name}' is missing", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfADirectorysFile_ReadsNothingIntoMemoryAndNothingOnceItIsDisposed()
    {
        var (store, snapshots) = await OfAsync("directory");
        var snapshot = await CreateAsync(store);

        var opened = await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel);

        Assert.All(opened.Tensors, tensor => Assert.False(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(tensor.Bytes, out _)));
        opened.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Bytes(opened.Tensors[0]));
    }

    [Fact]
    public async Task Open_OfAFileOfTheCacheThatWasDamagedHere_FetchesItAgain()
    {
        var (store, snapshots) = await OfAsync("cache");
        var snapshot = await CreateAsync(store);
        using (await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel)) { }

        var file = Path.Combine(folder["cache"], snapshot.Sha256);
        var bytes = await File.ReadAllBytesAsync(file, Cancel);
        bytes[^1] ^= 1;
        File.Delete(file);
        await File.WriteAllBytesAsync(file, bytes, Cancel);

        using var again = await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel);

        Assert.Equal(Bytes(Weights[1]), Bytes(again.Tensors[1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Read_OfAFileThatIsChangedInPlaceWhileItIsOpen_NamesTheObjectAndGoesOnOnceItIsBack(bool truncated)
    {
        var (store, snapshots) = await OfAsync("directory");
        var snapshot = await CreateAsync(store);
        using var opened = await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel);
        Assert.Equal(Bytes(Weights[1]), Bytes(opened.Tensors[1]));
        var path = Path.Combine(folder["store"], snapshot.Name);
        var good = await File.ReadAllBytesAsync(path, Cancel);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            if (truncated)
            {
                file.SetLength(good.Length - 1);
            }
            else
            {
                file.Position = good.Length - 1;
                file.WriteByte((byte)(good[^1] ^ 1));
            }
        }

        Assert.Null(opened.Damage);
        var damaged = Assert.Throws<InvalidDataException>(() => Bytes(opened.Tensors[1]));
        Assert.Contains($"'{snapshot.Name}' was damaged while it was in use", damaged.Message, StringComparison.Ordinal);
        Assert.Equal(damaged.Message, opened.Damage);
        Assert.Equal(Bytes(Weights[0]), Bytes(opened.Tensors[0]));

        // Not verified once for ever.
        await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.OpenAsync(Run, snapshot.Sha256, Cancel));
        await store.WriteAsync(snapshot.Name, good, Cancel);
        using var again = await snapshots.OpenAsync(Run, snapshot.Sha256, Cancel);
        Assert.Equal(Bytes(Weights[1]), Bytes(again.Tensors[1]));
    }

    private async Task<(IObjectStore Store, LocalSnapshots Snapshots)> OfAsync(string where)
    {
        var store =
            where == "directory"
                ? await StoreAddress.OpenAsync(folder["store"], create: true, cancellationToken: Cancel)
                : new MemoryStore();
        return (store, where == "cache" ? new LocalSnapshots(store, new TokenCache(folder["cache"], 1 << 20)) : new LocalSnapshots(store));
    }

    private static Task<SnapshotRef> CreateAsync(IObjectStore store) =>
        new SnapshotStore(store, Run, TimeProvider.System).CreateAsync(Weights, Cancel);

    private static string Bytes(TensorData tensor) => Convert.ToHexString(tensor.Bytes.Span);
}
