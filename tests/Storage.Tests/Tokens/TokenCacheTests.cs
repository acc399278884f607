using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Caches;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Tests.Tokens;

public sealed class TokenCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly MemoryStore memory = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => folder.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Files => Path.Combine(folder.Path, "data");

    [Fact]
    public async Task Read_ByManyAtOnce_FetchesEachObjectOnce()
    {
        var manifest = await UploadAsync(70);
        var store = new CountingStore(memory);

        // Each with a separate cache object, as processes have: they share the files alone. All have asked before the first has its answer.
        var gate = new TaskCompletionSource();
        store.Gate = gate.Task;
        var reading = Enumerable.Range(0, 12).Select(_ => Sets(store).ReadAsync(manifest, manifest.Train, Cancel)).ToList();
        gate.SetResult();
        var sets = await Task.WhenAll(reading);

        Assert.All(sets, set => Assert.Equal([256, 70, 71, 256, 65], Ids(set)));
        Assert.All(sets, set => Assert.Equal([0L, 3], set.DocumentStarts));
        Assert.Equal(2, store.Opened);
    }

    [Fact]
    public async Task Read_WhenTheCachedFileIsDamaged_FetchesItAgain()
    {
        var manifest = await UploadAsync(70);
        var store = new CountingStore(memory);
        await Sets(store).ReadAsync(manifest, manifest.Train, Cancel);
        var file = Path.Combine(Files, manifest.Train.Sha256);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var damaged = await File.ReadAllBytesAsync(file, Cancel);
        damaged[2] ^= 1;
        File.Delete(file);
        await File.WriteAllBytesAsync(file, damaged, Cancel);

        var again = await Sets(store).ReadAsync(manifest, manifest.Train, Cancel);
        Assert.Equal([256, 70, 71, 256, 65], Ids(again));
        // That one alone.
        Assert.Equal(3, store.Opened);

        File.Delete(file);
        await File.WriteAllBytesAsync(file, damaged[..4], Cancel);
        again = await Sets(store).ReadAsync(manifest, manifest.Train, Cancel);
        Assert.Equal([256, 70, 71, 256, 65], Ids(again));
    }

    [Fact]
    public async Task Fetch_OfWhatIsDamagedInTheStore_LeavesNothing()
    {
        var manifest = await UploadAsync(70);
        await memory.WriteAsync(DataPaths.Of(manifest.Train.Sha256), new byte[10], Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => Cache(1_000).FetchAsync(memory, manifest.Train.Sha256, Cancel));
        Assert.Contains(DataPaths.Of(manifest.Train.Sha256), e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Files));
        await memory.TryDeleteAsync(DataPaths.Of(manifest.Train.Sha256), cancellationToken: Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => Cache(1_000).FetchAsync(memory, manifest.Train.Sha256, Cancel));
    }

    [Fact]
    public async Task Fetch_BeyondTheCapacity_DeletesWhatWasNotUsedForLongest()
    {
        // Two fit.
        var cache = Cache(25);
        var names = new List<string>();
        foreach (var first in new ushort[] { 1, 2, 3 })
        {
            names.Add((await UploadAsync(first)).Train.Sha256);
        }

        await FetchAsync(cache, names[0]);
        await FetchAsync(cache, names[1]);
        await FetchAsync(cache, names[0]);
        await FetchAsync(cache, names[2]);

        Assert.Equal(
            names.Where((_, i) => i != 1).Order(StringComparer.Ordinal),
            Directory.GetFiles(Files).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task Fetch_BeyondTheCapacity_KeepsWhatIsInUse()
    {
        var (used, other) = (await UploadAsync(1), await UploadAsync(2));
        var cache = Cache(1);
        var path = await cache.FetchAsync(memory, used.Train.Sha256, Cancel);
        using (FileCache.OpenShared(path))
        {
            await FetchAsync(cache, other.Train.Sha256);
            Assert.True(File.Exists(path));
        }

        await FetchAsync(cache, used.Train.DocumentStartsSha256);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Read_FromADirectoryStore_GivesACopyThatNobodyElseCanWrite()
    {
        var store = Directories.DirectoryStore.Open(folder.Path);
        var manifest = await UploadAsync(70, store);

        var set = await new LocalTokenSets(store).ReadAsync(manifest, manifest.Train, Cancel);
        Assert.Equal([256, 70, 71, 256, 65], Ids(set));
        await FlipAsync(Path.Combine(folder.Path, DataPaths.Of(manifest.Train.Sha256)));
        Assert.Equal([256, 70, 71, 256, 65], Ids(set));
        await Assert.ThrowsAsync<InvalidDataException>(() => new LocalTokenSets(store).ReadAsync(manifest, manifest.Train, Cancel));
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Read(4, new int[2]));

        await store.TryDeleteAsync(DataPaths.Of(manifest.Train.Sha256), cancellationToken: Cancel);
        Assert.Equal([256, 70, 71, 256, 65], Ids(set));
        await Assert.ThrowsAsync<InvalidDataException>(() => new LocalTokenSets(store).ReadAsync(manifest, manifest.Train, Cancel));
    }

    [Fact]
    public async Task Read_WhenTheCachedFileIsChangedInPlace_KeepsItsCopyAndFetchesTheNextOne()
    {
        var manifest = await UploadAsync(70);
        var store = new CountingStore(memory);
        var set = await Sets(store).ReadAsync(manifest, manifest.Train, Cancel);
        await FlipAsync(Path.Combine(Files, manifest.Train.Sha256));

        Assert.Equal([256, 70, 71, 256, 65], Ids(set));
        var again = await Sets(store).ReadAsync(manifest, manifest.Train, Cancel);
        Assert.Equal([256, 70, 71, 256, 65], Ids(again));
        Assert.Equal(3, store.Opened);
    }

    [Fact]
    public async Task Read_OfASetThatIsNotWhatItsManifestSays_Throws()
    {
        var store = Directories.DirectoryStore.Open(folder.Path);
        var manifest = await UploadAsync(70, store);
        var sets = new LocalTokenSets(store);

        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest, manifest.Train with { Tokens = 4 }, Cancel));
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            sets.ReadAsync(manifest, manifest.Train with { DocumentStartsSha256 = manifest.Train.Sha256 }, Cancel)
        );
        await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest with { VocabSize = 200 }, manifest.Train, Cancel));
        var path = Path.Combine(folder.Path, DataPaths.Of(manifest.Train.Sha256));
        var content = await File.ReadAllBytesAsync(path, Cancel);
        content[1] ^= 0x80;
        File.Delete(path);
        await File.WriteAllBytesAsync(path, content, Cancel);
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => sets.ReadAsync(manifest, manifest.Train, Cancel));
        Assert.Contains($"'{DataPaths.Of(manifest.Train.Sha256)}' is damaged", e.Message, StringComparison.Ordinal);
    }

    /// <summary>In place, so that readers that have the file open or mapped see it, and with the time it had.</summary>
    private static async Task FlipAsync(string path)
    {
        var at = File.GetLastWriteTimeUtc(path);
        await using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            file.Position = 2;
            file.WriteByte(71);
        }

        File.SetLastWriteTimeUtc(path, at);
    }

    private static int[] Ids(TokenSet set)
    {
        var ids = new int[set.Length];
        set.Read(0, ids);
        return ids;
    }

    private TokenCache Cache(long capacityBytes) => new(Files, capacityBytes, time);

    private LocalTokenSets Sets(IObjectStore store) => new(store, Cache(1_000_000));

    private async Task FetchAsync(TokenCache cache, string sha256)
    {
        time.Advance(TimeSpan.FromMinutes(1));
        await cache.FetchAsync(memory, sha256, Cancel);
    }

    private async Task<DataManifest> UploadAsync(ushort first, IObjectStore? store = null)
    {
        store ??= memory;
        var set = new ArrayTokenSet([256, first, (ushort)(first + 1), 256, 65], [0, 3], [.. Enumerable.Repeat(1, 256), 0]);
        return await new StoredTokenSets(store).ReadManifestAsync(
            await new DataUpload(store).UploadAsync("bytes", set, null, null, "made up", null, Cancel),
            Cancel
        );
    }

    private sealed class CountingStore(IObjectStore inner) : DelegatingStore(inner)
    {
        private int opened;

        public int Opened => opened;

        /// <summary>What opening an object waits for.</summary>
        public Task Gate { get; set; } = Task.CompletedTask;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> work)
        {
            if (operation.Kind == "open")
            {
                Interlocked.Increment(ref opened);
                await Gate;
            }

            return await work();
        }
    }
}
