using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

/// <summary>An owner that is called dead, and writes its root while another silo takes the stage.</summary>
public sealed class TakeRaceTests
{
    private static readonly StageId Stage = new(0, 0);

    [Fact]
    public async Task Take_WhenTheOldOwnerCommitsBetweenReadAndWrite_LooksAgainAndTakesWhatItFinds()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await run.TakeAsync(Stage);
        var racing = new RacingStore(run.Store, times: 3);

        var taken = await run.TakeAsync(Stage, racing);

        Assert.Equal((2, 3), (taken.Progress.EpochToken, taken.Progress.Step));
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((1, 3, 30.0), (root.Preemptions, root.DurableStep, root.Ledger.TrainingSeconds));
    }

    [Fact]
    public async Task Take_WhenTheOldOwnerLetsGoBetweenReadAndWrite_CountsNoLoss()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await run.TakeAsync(Stage);

        Assert.NotNull(await run.TakeAsync(Stage, new RacingStore(run.Store, times: 1) { Releases = true }));

        Assert.Equal(0, (await run.FactsAsync()).RootOf(Stage).Preemptions);
    }

    [Fact]
    public async Task Take_WhenTheOldOwnerNeverStopsCommitting_IsRefusedWithWhatHappened()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await run.TakeAsync(Stage);

        var (runner, reason) = await run.OfferAsync(
            Stage,
            new SlotOffer(LocalRun.Silo, ["cpu:0"]),
            new RacingStore(run.Store, times: int.MaxValue)
        );

        Assert.Null(runner);
        Assert.Contains("test, still its owner with epoch token 1, has step", reason, StringComparison.Ordinal);
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).EpochToken);
    }

    [Fact]
    public async Task Take_OfAnOwnerThatLives_IsRefusedWhateverTheOfferSays()
    {
        await using var run = new LocalRun(new MemoryStore()) { Living = new Lives(from: 1) };
        await run.SubmitAsync();
        await run.TakeAsync(Stage);

        var (runner, reason) = await run.OfferAsync(Stage, new SlotOffer("127.0.0.1:2@2", ["cpu:0"], EpochToken: 1));

        Assert.Equal((null, "test has it."), (runner, reason));
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).EpochToken);
    }

    [Fact]
    public async Task Take_OfAnOwnerThatIsSeenToLiveAtTheTake_IsRefused()
    {
        // Dead at the first look, alive when the owner's commit has made the taker look again.
        await using var run = new LocalRun(new MemoryStore()) { Living = new Lives(from: 3) };
        await run.SubmitAsync();
        await run.TakeAsync(Stage);

        var (runner, reason) = await run.OfferAsync(
            Stage,
            new SlotOffer("127.0.0.1:2@2", ["cpu:0"], EpochToken: 1),
            new RacingStore(run.Store, times: 1)
        );

        Assert.Equal((null, "test has it."), (runner, reason));
    }

    [Fact]
    public async Task Take_OfADamagedRootWhoseOwnerLives_LeavesItToThatOwner()
    {
        await using var run = new LocalRun(new MemoryStore()) { Living = new Lives(from: 1) };
        await run.SubmitAsync();
        await run.TakeAsync(Stage);
        // Its copy tells the owner.
        await run.Store.WriteAsync(RunPaths.Root("micro", Stage), "{}"u8.ToArray(), TestContext.Current.CancellationToken);

        var (runner, reason) = await run.OfferAsync(Stage, new SlotOffer("127.0.0.1:2@2", ["cpu:0"]));

        Assert.Equal((null, "test has it."), (runner, reason));
        Assert.Equal(
            "{}"u8.ToArray(),
            (await run.Store.TryReadAsync(RunPaths.Root("micro", Stage), TestContext.Current.CancellationToken))!.Content.ToArray()
        );
    }

    /// <param name="from">The question, counted from 1, from which on every owner lives.</param>
    private sealed class Lives(int from) : ILivingOwners
    {
        private int asked;

        public long? MembershipVersion => 7;

        public ValueTask<bool> IsAliveAsync(StageOwner owner, CancellationToken cancellationToken) => ValueTask.FromResult(++asked >= from);
    }

    /// <summary>Before each replacement of the root by another silo, its owner writes it.</summary>
    private sealed class RacingStore(IObjectStore inner, int times) : DelegatingStore(inner)
    {
        private int left = times;

        public bool Releases { get; init; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> act)
        {
            if (operation.Kind == "replace" && operation.Name == RunPaths.Root("micro", Stage) && left-- > 0)
            {
                var document = new RunDocuments(Inner, "micro").Root(Stage);
                var root = (await document.ReadAsync())!;
                var step = root.DurableStep + 1;
                var changed = Releases
                    ? StageTransitions.Release(root, 1, ReleaseCause.Left)
                    : StageTransitions.Commit(
                        root,
                        1,
                        new CheckpointRef(
                            $"{RunPaths.Stage("micro", Stage)}000001-{step:D8}/manifest.json",
                            "h",
                            step,
                            1,
                            1,
                            root.WrittenAt
                        ),
                        root.Ledger with
                        {
                            TrainingSeconds = 10 * step,
                        }
                    );
                await document.WriteAsync(changed with { WriteId = $"{step}", Revision = root.Revision + 1 });
            }

            return await act();
        }
    }
}
