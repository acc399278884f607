using Slowrun.Core;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class CheckpointInventoryTests
{
    private readonly MemoryStore store = new();
    private readonly CheckpointInventory ledger;

    public CheckpointInventoryTests() => ledger = new CheckpointInventory(store, Run);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_WhileAStageTrains_TellsWhatTheRootNames()
    {
        await LoseAsync(at: 15);

        var entries = await ledger.ListAsync([Stage], Cancel);

        Assert.Equal(
            [("000001-00000006", LedgerState.Partial), ("000001-00000004", LedgerState.Current), ("000001-00000002", LedgerState.Previous)],
            entries.Select(entry => (entry.Name, entry.State))
        );
    }

    [Fact]
    public async Task Verify_OfAFinishedStage_FindsNothingUntilSomethingIsDamaged()
    {
        await new ExampleTrainer(store, "a").RunAsync();
        var good = await ledger.VerifyAsync([Stage], cancellationToken: Cancel).ToArrayAsync(Cancel);
        Assert.Equal(3, good.Length);
        Assert.All(good, one => Assert.Null(one.Damage));

        foreach (var one in good)
        {
            var bytes = (await store.TryReadAsync(one.Name, Cancel))!.Content.ToArray();
            bytes[^1] ^= 1;
            await store.WriteAsync(one.Name, bytes, Cancel);
        }

        Assert.All(await ledger.VerifyAsync([Stage], cancellationToken: Cancel).ToArrayAsync(Cancel), one => Assert.NotNull(one.Damage));
    }

    [Fact]
    public async Task Verify_WhenAnOwnerSweepsWhatIsBeingRead_IsNoDamage()
    {
        await LoseAsync(at: 15);
        var documents = new RunDocuments(store, Run);
        var root = (await documents.TryReadRootAsync(Stage, Cancel))!;

        async Task CommitAndSweepAsync()
        {
            var next = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(
                Run,
                Stage,
                root.EpochToken,
                5,
                Identity(),
                State(5),
                Cancel
            );
            await store.WriteAsync(
                RunPaths.Root(Run, Stage),
                CanonicalJson.Serialize(root with { Previous = root.Current, Current = next }),
                Cancel
            );
            await store.TryDeleteAsync(root.Previous!.Manifest, cancellationToken: Cancel);
        }

        var verified = await ledger
            .VerifyAsync(
                [Stage],
                one =>
                {
                    if (one.What == LedgerState.Previous)
                    {
                        CommitAndSweepAsync().GetAwaiter().GetResult();
                    }
                },
                Cancel
            )
            .ToArrayAsync(Cancel);

        var current = Assert.Single(verified);
        Assert.Equal((LedgerState.Current, (string?)null), (current.What, current.Damage));
    }

    [Fact]
    public async Task Collect_WhileAnOwnerMayBeWriting_LeavesItsToken()
    {
        await LoseAsync(at: 15);

        Assert.Empty(await ledger.CollectAsync([Stage], null, 2, dryRun: false, Cancel));
    }

    [Fact]
    public async Task Collect_OnceFinished_LeavesOnlyWhatTheRootNames()
    {
        await LoseAsync(at: 15);
        await new ExampleTrainer(store, "b").RunAsync();
        await store.WriteAsync("runs/demo/snapshots/orphan.safetensors", new byte[3], Cancel);

        var would = await ledger.CollectAsync([Stage], null, 2, dryRun: true, Cancel);
        var deleted = await ledger.CollectAsync([Stage], null, 2, dryRun: false, Cancel);

        Assert.Equal(would, deleted);
        Assert.Contains(deleted, entry => entry.Name.EndsWith("orphan.safetensors", StringComparison.Ordinal));
        var left = await ledger.ListAsync([Stage], Cancel);
        Assert.Equal([LedgerState.Current, LedgerState.Previous, LedgerState.Snapshot], left.Select(entry => entry.State));
        Assert.All(await ledger.VerifyAsync([Stage], cancellationToken: Cancel).ToArrayAsync(Cancel), one => Assert.Null(one.Damage));
    }

    private async Task LoseAsync(int at) =>
        await Assert.ThrowsAsync<IOException>(new ExampleTrainer(new FaultyStore(store, at, Fault.DiesBefore), "a").RunAsync);
}
