using System.Text;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests.Checkpoints;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Tests.Runs;

/// <summary>
/// Every kind of object of a run besides a checkpoint's own (<see cref="DamageTests"/>), damaged in every way: reading it names it and says
/// what to do, or gives what was meant all the same.
/// </summary>
public sealed class DocumentDamageTests
{
    private static readonly StageId A = new(0, 0);
    private static readonly StageId B = new(0, 1);

    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Documents() => ["root", "spec", "intent", "score", "ensemble"];

    public static TheoryData<string> Contents() => ["vector", "snapshot", "data", "data manifest"];

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task ReadDocument_WhenAnyBitFlips_Throws(string kind)
    {
        var (name, _, read) = await HaveAsync(kind);
        await read();
        var good = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            await store.WriteAsync(name, bad, Cancel);
            var e = await Record.ExceptionAsync(read);
            Assert.True(
                e is InvalidDataException && e.Message.Contains(name, StringComparison.Ordinal),
                $"Bit {bit} of '{Encoding.UTF8.GetString(bad)}' was not noticed, or not named: {e?.Message}"
            );
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task ReadDocument_WhenTruncatedOrExchanged_Throws(string kind)
    {
        var (name, other, read) = await HaveAsync(kind);
        var (good, another) = ((await store.TryReadAsync(name, Cancel))!.Content, (await store.TryReadAsync(other, Cancel))!.Content);
        foreach (var bad in new[] { ReadOnlyMemory<byte>.Empty, good[..(good.Length / 2)], good[..^1], another })
        {
            await store.WriteAsync(name, bad, Cancel);
            Assert.Contains(name, (await Assert.ThrowsAsync<InvalidDataException>(read)).Message, StringComparison.Ordinal);
        }

        await store.WriteAsync(name, good, Cancel);
        await read();
    }

    [Theory]
    [MemberData(nameof(Contents))]
    public async Task ReadContent_WhenFlippedTruncatedExchangedOrMissing_Throws(string kind)
    {
        var (name, other, read) = await HaveAsync(kind);
        await read();
        var (good, another) = (
            (await store.TryReadAsync(name, Cancel))!.Content.ToArray(),
            (await store.TryReadAsync(other, Cancel))!.Content
        );
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            await store.WriteAsync(name, bad, Cancel);
            Assert.True(
                await Record.ExceptionAsync(read) is InvalidDataException e && e.Message.Contains(name, StringComparison.Ordinal),
                $"Bit {bit} was not noticed, or not named."
            );
        }

        foreach (var bad in new[] { ReadOnlyMemory<byte>.Empty, good.AsMemory(..^1), another })
        {
            await store.WriteAsync(name, bad, Cancel);
            Assert.Contains(name, (await Assert.ThrowsAsync<InvalidDataException>(read)).Message, StringComparison.Ordinal);
        }

        await store.TryDeleteAsync(name, cancellationToken: Cancel);
        Assert.Contains(name, (await Assert.ThrowsAsync<InvalidDataException>(read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Root_WhenReplacedByAnOlderVersion_NamesOnlyWholeCheckpointsOrLosesThem()
    {
        // Old roots of a stage, as it went on; each put back at its end, when what it named may have been swept.
        var recorder = new RootHistory(store);
        await new ExampleTrainer(recorder, "first").RunAsync();
        Assert.True(recorder.Roots.Count > 3);
        foreach (var old in recorder.Roots)
        {
            await store.WriteAsync(RunPaths.Root(Examples.Run, Examples.Stage), old, Cancel);
            var root = (await new RunDocuments(store, Examples.Run).TryReadRootAsync(Examples.Stage, Cancel))!;
            var restored = await new CheckpointReader(store).RestoreAsync(Examples.Run, Examples.Stage, root, Cancel);
            Assert.True(restored.Checkpoint is null || Examples.Hash(restored.Tensors) == StateAfter(restored.Checkpoint.Step));
            Assert.Equal(
                new[] { root.Current, root.Previous }.Count(one => one is not null),
                restored.Damaged.Count
                    + (
                        restored.Checkpoint is null ? 0
                        : root.Previous is null || restored.Checkpoint == root.Previous ? 1
                        : 2
                    )
            );
        }
    }

    [Fact]
    public async Task Intent_WhenDeleted_IsTheDefaultOne()
    {
        var (name, _, _) = await HaveAsync("intent");
        await store.TryDeleteAsync(name, cancellationToken: Cancel);

        Assert.Equal(DesiredState.Running, (await new RunDocuments(store, "demo").ReadIntentAsync(Cancel)).Run);
    }

    [Fact]
    public async Task Document_WithoutASeal_IsReadAsItStands()
    {
        await store.WriteAsync("runs/demo/intent", """{"run":"Paused"}"""u8.ToArray(), Cancel);

        Assert.Equal(DesiredState.Paused, (await new RunDocuments(store, "demo").ReadIntentAsync(Cancel)).Run);
    }

    private static ulong StateAfter(int step) => Enumerable.Range(0, step).Aggregate(1UL, Examples.Step);

    /// <summary>Makes an object of the kind and another of the same kind.</summary>
    private async Task<(string Name, string Other, Func<Task> Read)> HaveAsync(string kind)
    {
        var (demo, other) = (new RunDocuments(store, "demo"), new RunDocuments(store, "other"));
        switch (kind)
        {
            case "root":
                foreach (var stage in new[] { A, B })
                {
                    await new RootCommit(demo.Root(stage), TimeProvider.System).TakeAsync(Examples.Request("a"), Cancel);
                }

                return (RunPaths.Root("demo", A), RunPaths.Root("demo", B), () => demo.TryReadRootAsync(A, Cancel));
            case "spec":
                var spec = SpecReader.FromPreset("micro") with { Name = "demo" };
                await demo.TryCreateSpecAsync(spec, Cancel);
                await other.TryCreateSpecAsync(spec with { Name = "other" }, Cancel);
                return (RunPaths.Spec("demo"), RunPaths.Spec("other"), () => demo.TryReadSpecAsync(Cancel));
            case "intent":
                await demo.ChangeIntentAsync(
                    intent => intent with { Retries = new Dictionary<string, int> { ["chain0/stage0"] = 1 } },
                    Cancel
                );
                await other.ChangeIntentAsync(intent => intent with { Run = DesiredState.Cancelled }, Cancel);
                return (RunPaths.Intent("demo"), RunPaths.Intent("other"), () => demo.ReadIntentAsync(Cancel));
            case "score" or "vector":
                var scores = new RunScores(store, "demo");
                var one = await scores.CreateAsync(Score("a"), new[] { 0.5f, 0.25f, 1f }, Cancel);
                var two = await scores.CreateAsync(Score("b"), new[] { 0.5f, 0.5f, 1f }, Cancel);
                return kind == "vector"
                    ? (one.Vector, two.Vector, () => scores.ReadVectorAsync(one, Cancel))
                    : (Json(one), Json(two), () => Task.WhenAll(ReadScoreAsync("a"), ReadScoreAsync("b")));
            case "ensemble":
                var ensembles = new RunScores(store, "demo");
                await ensembles.TryCreateEnsembleAsync(
                    new EnsembleScore
                    {
                        Members = ["a"],
                        Running = [1.5],
                        LossNats = 1.5,
                        BitsPerByte = 2,
                    },
                    Cancel
                );
                await ensembles.TryCreateEnsembleAsync(
                    new EnsembleScore
                    {
                        Members = ["b"],
                        Running = [1.25],
                        LossNats = 1.25,
                        BitsPerByte = 2,
                    },
                    Cancel
                );
                var names = await store.ListAsync(RunPaths.Ensembles("demo"), Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel);
                return (
                    names[0],
                    names[1],
                    () => Task.WhenAll(ensembles.TryReadEnsembleAsync(["a"], Cancel), ensembles.TryReadEnsembleAsync(["b"], Cancel))
                );
            case "snapshot":
                var snapshots = new SnapshotStore(store, "demo", TimeProvider.System);
                var (a, b) = (await snapshots.CreateAsync([Tensor(1)], Cancel), await snapshots.CreateAsync([Tensor(2)], Cancel));
                return (a.Name, b.Name, () => snapshots.ReadAsync(a.Sha256, Cancel));
            case "data" or "data manifest":
                var tokens = new ArrayTokenSet([256, 1, 2, 3], [0], [.. Enumerable.Repeat(1, 256), 0]);
                var sha = await new DataUpload(store).UploadAsync("bytes", tokens, null, tokens, "nothing", null, Cancel);
                var sets = new StoredTokenSets(store);
                var manifest = await sets.ReadManifestAsync(sha, Cancel);
                var (ofManifest, ofTokens) = (DataPaths.Of(sha), DataPaths.Of(manifest.Train.Sha256));
                return kind == "data"
                    ? (ofTokens, ofManifest, () => sets.ReadAsync(manifest, manifest.Train, Cancel))
                    : (ofManifest, ofTokens, () => sets.ReadManifestAsync(sha, Cancel));
            default:
                throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    private static NewScore Score(string snapshot) =>
        new()
        {
            SnapshotSha256 = snapshot,
            SetSha256 = "set",
            Rows = 16,
            NumericsFingerprint = "device",
            LossNats = 1.5,
            BitsPerByte = 2.1,
        };

    private Task<MemberScore?> ReadScoreAsync(string snapshot) =>
        new RunScores(store, "demo").TryReadAsync(snapshot, "set", 16, "device", Cancel);

    private static string Json(MemberScore score) => $"runs/demo/scores/{score.SnapshotSha256}-set-16-device.json";

    private static TensorData Tensor(byte value) => new("w", ElementType.U8, [8], new byte[] { 1, 2, 3, 4, 5, 6, 7, value });

    private sealed class RootHistory(IObjectStore inner) : DelegatingStore(inner)
    {
        public List<ReadOnlyMemory<byte>> Roots { get; } = [];

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind is "create" or "replace" && operation.Name.EndsWith("/root", StringComparison.Ordinal))
            {
                Roots.Add(operation.Content.ToArray());
            }

            return await run();
        }
    }
}
