using Slowrun.Core.Stages;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Caches;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class ScoreVectorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("memory")]
    [InlineData("directory")]
    [InlineData("cache")]
    public async Task Open_OfSeveralScores_GivesTheirVectorsInOrder(string kind)
    {
        var (vectors, scores) = await ScoresAsync(kind, 5, 3_001);
        var told = 0;

        var opened = await vectors.OpenAsync([scores[3], scores[0], scores[4]], _ => Interlocked.Increment(ref told), Cancel);

        Assert.Equal([Vector(3, 3_001), Vector(0, 3_001), Vector(4, 3_001)], opened.Select(vector => vector.P.ToArray()));
        Assert.Equal(3, told);
        Assert.All(opened, vector => vector.Dispose());
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("directory")]
    [InlineData("cache")]
    public async Task Open_OfOneThatIsDamagedOrMissing_NamesItAndSaysWhatToDo(string kind)
    {
        var (vectors, scores) = await ScoresAsync(kind, 2, 10);
        var store = await StoreAsync(kind);
        var bytes = (await store.TryReadAsync(scores[1].Vector, Cancel))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(scores[1].Vector, bytes, Cancel);

        var damaged = await Assert.ThrowsAsync<InvalidDataException>(() => vectors.OpenAsync(scores, cancellationToken: Cancel));
        Assert.Contains($"'{scores[1].Vector}' is damaged", damaged.Message, StringComparison.Ordinal);
        Assert.Contains("Delete it and", damaged.Message, StringComparison.Ordinal);

        await store.TryDeleteAsync(scores[1].Vector, cancellationToken: Cancel);
        var missing = await Assert.ThrowsAsync<InvalidDataException>(() => vectors.OpenAsync(scores, cancellationToken: Cancel));
        Assert.Contains($"'{scores[1].Vector}' is missing", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfACachedVectorThatWasDamagedHere_FetchesItAgain()
    {
        var (vectors, scores) = await ScoresAsync("cache", 1, 10);
        (await vectors.OpenAsync(scores, cancellationToken: Cancel))[0].Dispose();
        var file = Directory.GetFiles(folder["files"]).Single(path => Path.GetFileName(path) == scores[0].VectorXxHash128);
        var bytes = await File.ReadAllBytesAsync(file, Cancel);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, Cancel);

        var again = await vectors.OpenAsync(scores, cancellationToken: Cancel);

        Assert.Equal(Vector(0, 10), again[0].P.ToArray());
        again[0].Dispose();
    }

    [Fact]
    public async Task Open_OfVectorsFetchedBefore_NeedsTheirStoreNoMore()
    {
        var (vectors, scores) = await ScoresAsync("cache", 1, 10);
        (await vectors.OpenAsync(scores, cancellationToken: Cancel))[0].Dispose();
        await (await StoreAsync("cache")).TryDeleteAsync(scores[0].Vector, cancellationToken: Cancel);

        (await vectors.OpenAsync(scores, cancellationToken: Cancel))[0].Dispose();
    }

    [Theory]
    [InlineData("directory", false)]
    [InlineData("directory", true)]
    [InlineData("cache", false)]
    [InlineData("cache", true)]
    public async Task Check_OfAVectorWhoseFileIsChangedInPlace_ThrowsWhereItIsMappedAndElseItsCopyIsUntouched(string kind, bool mapped)
    {
        var (vectors, scores) = await ScoresAsync(kind, 1, 10, heldBytes: mapped ? 39 : 40);
        var vector = (await vectors.OpenAsync(scores, cancellationToken: Cancel))[0];
        Assert.Equal(mapped, vector.IsMapped);
        vector.Check();
        var path =
            kind == "directory"
                ? Path.Combine(folder["store"], scores[0].Vector)
                : Path.Combine(folder["files"], scores[0].VectorXxHash128);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            file.Position = file.Length - 4;
            file.WriteByte(0x55);
        }

        if (mapped)
        {
            Assert.Contains(scores[0].Vector, Assert.Throws<InvalidDataException>(vector.Check).Message, StringComparison.Ordinal);
        }
        else
        {
            vector.Check();
            Assert.Equal(Vector(0, 10), vector.P.ToArray());
        }

        vector.Dispose();
        if (kind == "cache")
        {
            var again = (await vectors.OpenAsync(scores, cancellationToken: Cancel))[0];
            Assert.Equal(Vector(0, 10), again.P.ToArray());
            again.Dispose();
        }
    }

    private async Task<IObjectStore> StoreAsync(string kind) =>
        kind == "directory" ? await StoreAddress.OpenAsync(folder["store"], create: true, cancellationToken: Cancel) : memory;

    private readonly MemoryStore memory = new();

    private async Task<(ScoreVectors Vectors, IReadOnlyList<MemberScore> Scores)> ScoresAsync(
        string kind,
        int count,
        int tokens,
        long? heldBytes = null
    )
    {
        var store = await StoreAsync(kind);
        var created = new List<MemberScore>();
        for (var i = 0; i < count; i++)
        {
            var score = new NewScore
            {
                SnapshotSha256 = new string((char)('a' + i), 64),
                SetSha256 = new string('b', 64),
                Rows = 16,
                NumericsFingerprint = new string('c', 64),
                LossNats = 1.5,
                BitsPerByte = 2.1,
            };
            created.Add(await new RunScores(store, "demo").CreateAsync(score, Vector(i, tokens), Cancel));
        }

        return (new ScoreVectors(store, "demo", kind == "cache" ? new FileCache(folder["files"], 1 << 20) : null, heldBytes), created);
    }

    private static float[] Vector(int member, int tokens) =>
        [.. Enumerable.Range(0, tokens).Select(i => (i + member) / (float)(tokens + 10))];
}
