using Slowrun.Core;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>Damage of a checkpoint's objects is found before a stage trains on them.</summary>
public sealed class DamageTests
{
    private const string Current = "runs/demo/chain0/stage1/000001-00000004/";
    private const string Previous = "runs/demo/chain0/stage1/000001-00000002/";

    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Damages()
    {
        var data = new TheoryData<string, string>();
        foreach (var kind in new[] { "flip", "truncate", "append", "delete", "empty", "previous", "other" })
        {
            foreach (var name in new[] { "manifest.json", "part-0.safetensors", "part-1.safetensors" })
            {
                data.Add(name, kind);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task Restore_WhenTheCurrentCheckpointIsDamaged_ReportsItAndGivesThePreviousOne(string name, string kind)
    {
        var root = await TrainedAsync();
        await DamageAsync(
            Current + name,
            kind,
            Previous + name,
            Current + (name == "part-0.safetensors" ? "part-1.safetensors" : "part-0.safetensors")
        );

        var restored = await new CheckpointReader(store).RestoreAsync(Run, Stage, root, Cancel);

        var damaged = Assert.Single(restored.Damaged);
        Assert.Equal(root.Current, damaged.Checkpoint);
        Assert.Contains(Current + name, damaged.Why, StringComparison.Ordinal);
        Assert.Equal(root.Previous, restored.Checkpoint);
        Assert.Equal(Step(Step(1, 0), 1), Hash(restored.Tensors));
    }

    [Fact]
    public async Task Restore_WhenAnyBitOfTheCurrentCheckpointFlips_NeverGivesIt()
    {
        var root = await TrainedAsync();
        foreach (var name in new[] { "manifest.json", "part-0.safetensors", "part-1.safetensors" })
        {
            var good = (await store.TryReadAsync(Current + name, Cancel))!.Content.ToArray();
            for (var bit = 0; bit < good.Length * 8; bit++)
            {
                var bad = good.ToArray();
                bad[bit / 8] ^= (byte)(1 << (bit % 8));
                await store.WriteAsync(Current + name, bad, Cancel);
                var restored = await new CheckpointReader(store).RestoreAsync(Run, Stage, root, Cancel);
                Assert.True(restored.Checkpoint == root.Previous && restored.Damaged.Count == 1, $"Bit {bit} of {name} was not noticed.");
            }

            await store.WriteAsync(Current + name, good, Cancel);
        }
    }

    [Fact]
    public async Task Restore_WhenTwoCheckpointsAreSwapped_BelievesNeither()
    {
        var root = await TrainedAsync();
        foreach (var name in new[] { "manifest.json", "part-0.safetensors" })
        {
            var (a, b) = ((await store.TryReadAsync(Current + name, Cancel))!, (await store.TryReadAsync(Previous + name, Cancel))!);
            await store.WriteAsync(Current + name, b.Content, Cancel);
            await store.WriteAsync(Previous + name, a.Content, Cancel);
        }

        var restored = await new CheckpointReader(store).RestoreAsync(Run, Stage, root, Cancel);

        Assert.Null(restored.Checkpoint);
        Assert.Empty(restored.Tensors);
        Assert.Equal(2, restored.Damaged.Count);
    }

    [Fact]
    public async Task Restore_WhenTheStoreDoesNotAnswer_ThrowsInsteadOfFallingBack()
    {
        var root = await TrainedAsync();

        await Assert.ThrowsAsync<IOException>(() =>
            new CheckpointReader(new FaultyStore(store, 2, Fault.RequestLost)).RestoreAsync(Run, Stage, root, Cancel)
        );
    }

    [Fact]
    public async Task Verify_WhenAPartIsDamaged_Throws()
    {
        var root = await TrainedAsync();
        var reader = new CheckpointReader(store);
        await reader.VerifyAsync(Run, Stage, root.Current!, Identity(), Cancel);
        await DamageAsync(Current + "part-1.safetensors", "flip", "", "");

        await Assert.ThrowsAsync<InvalidDataException>(() => reader.VerifyAsync(Run, Stage, root.Current!, Identity(), Cancel));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public async Task Read_WhenAnyByteOfALargePartIsAnother_Throws(long hashedBehindFrom)
    {
        // Two and a half pieces of what is read at once.
        var bytes = new byte[5 << 19];
        new Random(3).NextBytes(bytes);
        var store = new MemoryStore();
        var checkpoint = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(
            Run,
            Stage,
            1,
            2,
            Identity(),
            [new TensorData("w", ElementType.U8, [bytes.Length], bytes)],
            TestContext.Current.CancellationToken
        );
        var reader = new CheckpointReader(store) { HashedBehindFrom = hashedBehindFrom };
        var read = await reader.ReadAsync(Run, Stage, checkpoint, Identity(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(read[0].Bytes.Span.SequenceEqual(bytes));

        var part = checkpoint.Manifest.Replace("manifest.json", "part-0.safetensors", StringComparison.Ordinal);
        var good = (await store.TryReadAsync(part, TestContext.Current.CancellationToken))!.Content.ToArray();
        foreach (var at in (int[])[good.Length - bytes.Length, good.Length - (bytes.Length / 2), good.Length - 1])
        {
            var bad = good.ToArray();
            bad[at] ^= 1;
            await store.WriteAsync(part, bad, TestContext.Current.CancellationToken);
            var e = await Assert.ThrowsAsync<InvalidDataException>(() =>
                reader.ReadAsync(Run, Stage, checkpoint, Identity(), cancellationToken: TestContext.Current.CancellationToken)
            );
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Read_OfACheckpointOfSomethingElse_Throws()
    {
        var root = await TrainedAsync();
        var reader = new CheckpointReader(store);

        await Assert.ThrowsAsync<InvalidDataException>(() =>
            reader.ReadAsync("other", Stage, root.Current!, null, cancellationToken: Cancel)
        );
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            reader.ReadAsync(Run, new(1, 1), root.Current!, null, cancellationToken: Cancel)
        );
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            reader.ReadAsync(Run, Stage, root.Current! with { Step = 5 }, null, cancellationToken: Cancel)
        );
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            reader.ReadAsync(Run, Stage, root.Current!, Identity() with { TeacherSha256 = "another" }, cancellationToken: Cancel)
        );
        Assert.NotEmpty(await reader.ReadAsync(Run, Stage, root.Current!, Identity("adopted"), cancellationToken: Cancel));
    }

    [Fact]
    public async Task FallBack_AfterDamage_GoesOnFromThePreviousAndNeverComesBackToTheDamagedOne()
    {
        var root = await TrainedAsync();
        await DamageAsync(Current + "part-0.safetensors", "flip", "", "");
        var commit = new RootCommit(new RunDocuments(store, Run).Root(Stage), TimeProvider.System);
        root = await commit.TakeAsync(Request("second"), Cancel);
        var restored = await new CheckpointReader(store).RestoreAsync(Run, Stage, root, Cancel);

        root = await commit.FallBackAsync(restored.Checkpoint, Cancel);
        Assert.Equal(2, root.DurableStep);
        var next = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(
            Run,
            Stage,
            root.EpochToken,
            3,
            Identity(),
            State(5),
            Cancel
        );
        root = await commit.CommitAsync(next, new StageLedger(), Cancel);
        await Retention.SweepAsync(store, new StageSweep(Run, Stage, root, 2) { ByOwner = true }, Cancel);

        Assert.Equal((3, 2), (root.Current!.Step, root.Previous!.Step));
        Assert.Empty(await store.ListAsync(Current, Cancel).ToArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("flip")]
    [InlineData("truncate")]
    [InlineData("empty")]
    public async Task TryReadRoot_WhenDamaged_NamesItOrGivesNothingElse(string kind)
    {
        await TrainedAsync();
        var name = RunPaths.Root(Run, Stage);
        // A flip in the first byte: one in a number might give another root, which then fails against the manifest's hash.
        await DamageAsync(name, kind, "", "", at: 0);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_WhenTheRootWasPutBackFromACopy_WritesTheNewerOneAgain()
    {
        var commit = new RootCommit(new RunDocuments(store, Run).Root(Stage), TimeProvider.System);
        await commit.TakeAsync(Request("first"), Cancel);
        var copy = (await store.TryReadAsync(RunPaths.Root(Run, Stage), Cancel))!.Content;
        await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);
        await commit.CommitAsync(Ref(3), new StageLedger(), Cancel);
        await store.WriteAsync(RunPaths.Root(Run, Stage), copy, Cancel);

        await commit.CommitAsync(Ref(4), new StageLedger(), Cancel);

        var root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
        Assert.Equal((4, 3), (root.Current!.Step, root.Previous!.Step));
        Assert.NotNull(commit.Overruled);
    }

    [Fact]
    public async Task Commit_WhenTheRootIsBeingEdited_FailsAndShowsBoth()
    {
        var commit = new RootCommit(new RunDocuments(store, Run).Root(Stage), TimeProvider.System);
        var taken = await commit.TakeAsync(Request("first"), Cancel);
        await store.WriteAsync(
            RunPaths.Root(Run, Stage),
            CanonicalJson.Serialize(taken with { WriteId = "by hand", FailedTakes = 0 }),
            Cancel
        );

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => commit.CommitAsync(Ref(4), new StageLedger(), Cancel));
        Assert.Contains("\"step\":4", e.Message, StringComparison.Ordinal);
        Assert.Contains("Found: {", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A stage with committed checkpoints of steps 2 and 4.</summary>
    private async Task<StageRoot> TrainedAsync()
    {
        var dies = new ExampleTrainer(new FaultyStore(store, 14, Fault.DiesBefore), "first");
        await Assert.ThrowsAsync<IOException>(dies.RunAsync);
        var root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
        Assert.Equal((4, 2), (root.Current?.Step, root.Previous?.Step));
        return root;
    }

    private async Task DamageAsync(string name, string kind, string previous, string other, int at = 40)
    {
        var bytes = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        await store.TryDeleteAsync(name, cancellationToken: Cancel);
        if (kind == "delete")
        {
            return;
        }

        bytes[at] ^= (byte)(kind == "flip" ? 0x10 : 0);
        byte[] damaged = kind switch
        {
            "flip" => bytes,
            "truncate" => bytes[..^3],
            "append" => [.. bytes, 0],
            "empty" => [],
            "previous" => (await store.TryReadAsync(previous, Cancel))!.Content.ToArray(),
            "other" => (await store.TryReadAsync(other, Cancel))!.Content.ToArray(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        await store.WriteAsync(name, damaged, Cancel);
    }
}
