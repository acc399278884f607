using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>A stage's root that is damaged, gone, or put back to an older one.</summary>
public sealed class RootRecoveryTests
{
    private static readonly string Name = RunPaths.Root(Run, Stage);
    private static readonly string Copy = RunPaths.RootCopy(Run, Stage);

    private readonly MemoryStore store = new();
    private readonly RootRecovery recovery;

    public RootRecoveryTests() => recovery = new RootRecovery(store, Run, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Look_AtEveryMomentOfAStagesLife_FindsNothingToRecover()
    {
        for (var n = 1; ; n++)
        {
            var fresh = new MemoryStore();
            var faulty = new FaultyStore(fresh, n, Fault.DiesAfter);
            var end = await Record.ExceptionAsync(() => Trainer(faulty, "a").RunAsync());
            // What was stored and never counted is no trouble.
            Assert.Null((await new RootRecovery(fresh, Run, TimeProvider.System).LookAsync(Stage, Cancel))?.Trouble);
            if (end is null)
            {
                return;
            }
        }
    }

    [Theory]
    [InlineData("flip", true)]
    [InlineData("flip", false)]
    [InlineData("delete", true)]
    [InlineData("delete", false)]
    [InlineData("older", true)]
    [InlineData("older", false)]
    public async Task Recover_OfAFinishedStage_FinishesWithTheSameBytes(string how, bool withCopy)
    {
        var (roots, finished) = await FinishedAsync();
        foreach (var old in how == "older" ? roots : roots[..1])
        {
            await DamageAsync(how, old);
            if (!withCopy)
            {
                await store.TryDeleteAsync(Copy, cancellationToken: Cancel);
            }

            // Put back within its token and without a copy, it looks like a checkpoint that never counted: it counts then.
            if (await recovery.LookAsync(Stage, Cancel) is { } finding)
            {
                Assert.True(finding.IsSafe, finding.ToString());
                Assert.True(await recovery.TryRecoverAsync(finding, Cancel));
            }

            var root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
            Assert.Equal(6, root.DurableStep);
            if (!root.Finished)
            {
                await Trainer(store, "next").RunAsync();
                root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
            }

            Assert.Equal(finished.Snapshot!.Sha256, root.Snapshot!.Sha256);
            Assert.Null(await recovery.LookAsync(Stage, Cancel));
        }
    }

    [Theory]
    [InlineData("flip")]
    [InlineData("delete")]
    [InlineData("older")]
    public async Task Recover_OfAHalfTrainedStage_GoesOnFromTheNewestWholeCheckpoint(string how)
    {
        var roots = await HalfAsync();
        await DamageAsync(how, roots[0]);

        var finding = (await recovery.LookAsync(Stage, Cancel))!;
        Assert.True(finding.IsSafe && finding.Trouble is not null, finding.ToString());
        Assert.True(await recovery.TryRecoverAsync(finding, Cancel));

        var root = (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!;
        Assert.Equal((4, 2), (root.Current!.Step, root.Previous!.Step));
        Assert.True(root.EpochToken > 1 && root.Owner is null);
        await Trainer(store, "next").RunAsync();
        Assert.Contains(
            "root-recovered",
            await new RunEvents(store, Run).ListAsync(cancellationToken: Cancel).Select(happened => happened.Kind).ToArrayAsync(Cancel)
        );
    }

    [Fact]
    public async Task Recover_WhenTheNewestCheckpointIsDamagedToo_GoesOnFromTheOneBefore()
    {
        await HalfAsync();
        await DamageAsync("delete", null);
        await store.TryDeleteAsync(Copy, cancellationToken: Cancel);
        var part = $"{RunPaths.Checkpoint(Run, Stage, 1, 4)}part-1.safetensors";
        await store.WriteAsync(part, new byte[9], Cancel);

        var finding = (await recovery.LookAsync(Stage, Cancel))!;

        Assert.Equal(2, finding.Recovered.DurableStep);
    }

    [Fact]
    public async Task Recover_WhenSomebodyWroteTheRootMeanwhile_LeavesThat()
    {
        await HalfAsync();
        await DamageAsync("flip", null);
        var finding = (await recovery.LookAsync(Stage, Cancel))!;
        await store.WriteAsync(Name, "another"u8.ToArray(), Cancel);

        Assert.False(await recovery.TryRecoverAsync(finding, Cancel));
    }

    [Theory]
    [InlineData(StageIdentity.UnrepeatablePrefix + "1", StageIdentity.UnrepeatablePrefix + "1")]
    [InlineData("f1", "f2")]
    public async Task Look_WhenTheBytesCannotBeHadAgain_LeavesItToAPerson(string first, string second)
    {
        var writer = new CheckpointWriter(store, TimeProvider.System);
        await writer.WriteAsync(Run, Stage, 1, 2, Identity(first), State(1), Cancel);
        await writer.WriteAsync(Run, Stage, 2, 4, Identity(second), State(2), Cancel);
        await store.WriteAsync(Name, "damaged"u8.ToArray(), Cancel);

        var finding = (await recovery.LookAsync(Stage, Cancel))!;

        Assert.False(finding.IsSafe);
        Assert.Equal(4, finding.Recovered.DurableStep);
    }

    [Fact]
    public async Task Look_AtAWholeCheckpointThatNeverCounted_LetsItCount()
    {
        await HalfAsync();
        await new CheckpointWriter(store, TimeProvider.System) { PartBytes = 8 }.WriteAsync(Run, Stage, 1, 5, Identity(), State(5), Cancel);

        var finding = (await recovery.LookAsync(Stage, Cancel))!;

        Assert.Null(finding.Trouble);
        Assert.Equal(
            (5, 4, 1L, "a"),
            (
                finding.Recovered.Current!.Step,
                finding.Recovered.Previous!.Step,
                finding.Recovered.EpochToken,
                finding.Recovered.Owner!.SiloName
            )
        );
    }

    [Fact]
    public async Task Commit_WhileTheRootIsDamaged_WritesItAgain()
    {
        var commit = new RootCommit(new CopyingRootDocument(new RunDocuments(store, Run).Root(Stage), store, Copy), TimeProvider.System);
        await commit.TakeAsync(Request("a"), Cancel);
        await store.WriteAsync(Name, "damaged"u8.ToArray(), Cancel);

        await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);

        Assert.Equal(2, (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!.DurableStep);
        Assert.Contains(Name, commit.Overruled, StringComparison.Ordinal);
    }

    private static ExampleTrainer Trainer(IObjectStore store, string name) => new(store, name) { KeepsCopy = true };

    /// <summary>All roots that were written, in order, and the last.</summary>
    private async Task<(ReadOnlyMemory<byte>[] Roots, StageRoot Finished)> FinishedAsync()
    {
        var history = new RootHistory(store);
        await Trainer(history, "a").RunAsync();
        return ([.. history.Roots.SkipLast(1)], (await new RunDocuments(store, Run).TryReadRootAsync(Stage, Cancel))!);
    }

    /// <summary>A stage whose owner was lost after its second commit.</summary>
    private async Task<ReadOnlyMemory<byte>[]> HalfAsync()
    {
        var history = new RootHistory(store) { Most = 3 };
        await Assert.ThrowsAsync<IOException>(Trainer(history, "a").RunAsync);
        return [.. history.Roots];
    }

    private async Task DamageAsync(string how, ReadOnlyMemory<byte>? old)
    {
        if (how == "delete")
        {
            await store.TryDeleteAsync(Name, cancellationToken: Cancel);
            return;
        }

        var bytes = (await store.TryReadAsync(Name, Cancel))!.Content.ToArray();
        bytes[bytes.Length / 2] ^= 1;
        await store.WriteAsync(Name, how == "older" ? old!.Value : bytes, Cancel);
    }

    /// <summary>Keeps every root that is written; dies when more than so many would be.</summary>
    private sealed class RootHistory(IObjectStore inner) : DelegatingStore(inner)
    {
        public List<ReadOnlyMemory<byte>> Roots { get; } = [];

        public int Most { get; init; } = int.MaxValue;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (Roots.Count == Most && operation.Kind is "create")
            {
                throw new IOException("It died.");
            }

            if (operation.Kind is "create" or "replace" && operation.Name == Name)
            {
                Roots.Add(operation.Content.ToArray());
            }

            return await run();
        }
    }
}
