using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class RunScoresTests
{
    private static readonly NewScore Score = new()
    {
        SnapshotSha256 = new string('a', 64),
        SetSha256 = new string('b', 64),
        Rows = 16,
        NumericsFingerprint = new string('c', 64),
        LossNats = 1.5,
        BitsPerByte = 2.1,
    };

    private readonly MemoryStore store = new();
    private readonly RunScores scores;

    public RunScoresTests() => scores = new RunScores(store, "demo");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Task<MemberScore?> ReadAsync(int rows = 16) =>
        scores.TryReadAsync(Score.SnapshotSha256, Score.SetSha256, rows, Score.NumericsFingerprint, Cancel);

    [Fact]
    public async Task Create_IsReadBackByItsKeyAlone()
    {
        Assert.Null(await ReadAsync());

        var created = await scores.CreateAsync(Score, new[] { 0.5f, 0.25f, 1f }, Cancel);

        Assert.Equal(created, await ReadAsync());
        Assert.Null(await ReadAsync(rows: 8));
        var p = await scores.ReadVectorAsync(created, Cancel);
        Assert.Equal([0.5f, 0.25f, 1f], p);
        Assert.Single(
            await store
                .ListAsync(RunPaths.Scores("demo"), Cancel)
                .Where(entry => entry.Name.EndsWith(".json", StringComparison.Ordinal))
                .ToListAsync(Cancel)
        );
    }

    [Fact]
    public async Task Create_WhenAnotherScorerWasFirst_GivesItsScoreAndItsVector()
    {
        var first = await scores.CreateAsync(Score, new[] { 0.5f, 0.25f, 1f }, Cancel);

        var second = await scores.CreateAsync(Score with { LossNats = 1.4 }, new[] { 0.4f, 0.25f, 1f }, Cancel);

        Assert.Equal(first, second);
        Assert.Equal(0.5f, (await scores.ReadVectorAsync(second, Cancel))[0]);
    }

    [Fact]
    public async Task ReadVector_WhenDamagedOrMissing_Throws()
    {
        var created = await scores.CreateAsync(Score, new[] { 0.5f, 0.25f, 1f }, Cancel);
        var bytes = (await store.TryReadAsync(created.Vector, Cancel))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(created.Vector, bytes, Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => scores.ReadVectorAsync(created, Cancel));

        await store.TryDeleteAsync(created.Vector, cancellationToken: Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => scores.ReadVectorAsync(created, Cancel));
    }

    [Fact]
    public async Task TryCreateEnsemble_IsKeyedByItsMembersInOrder()
    {
        var score = new EnsembleScore
        {
            Members = ["x", "y"],
            Running = [1, 1],
            LossNats = 1,
            BitsPerByte = 2,
        };

        Assert.True(await scores.TryCreateEnsembleAsync(score, Cancel));
        Assert.False(await scores.TryCreateEnsembleAsync(score, Cancel));
        Assert.Equal(1, (await scores.TryReadEnsembleAsync(["x", "y"], Cancel))!.LossNats);
        Assert.Null(await scores.TryReadEnsembleAsync(["y", "x"], Cancel));
    }
}
