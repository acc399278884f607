using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

/// <summary>Every second of a stage is in one account, for all its owners and however they ended.</summary>
public sealed class LedgerTests
{
    private static readonly StageId Stage = new(0, 0);

    // Seconds. A difference, not a number of decimals: two sums of the same moments, of 100 ns each, may round to different ones.
    private const double Rounding = 1e-6;

    [Fact]
    public async Task Ledger_OfAStageThatWasStoppedLostAndPaused_AddsUpToItsWallClockTime()
    {
        // Time passes where something happens, and nowhere else: what is computed and what is written are then of one moment.
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1));
        await using var run = new LocalRun(new MemoryStore(), time: time);
        await run.SubmitAsync();
        CrashPoint.Watcher.Value = point =>
        {
            if (point is CrashPoint.Take or CrashPoint.Step or CrashPoint.Capture)
            {
                time.Advance(TimeSpan.FromSeconds(7));
            }
        };
        foreach (var reason in new[] { StopReason.Requested, StopReason.Held, StopReason.Eviction })
        {
            await EndAsync(run, reason);
            time.Advance(TimeSpan.FromMinutes(1));
        }

        var lost = await run.TakeAsync(Stage);
        await run.FinishAsync();

        var facts = await run.FactsAsync();
        Assert.Equal(lost.Progress.EpochToken + 1, facts.RootOf(Stage).EpochToken);
        Assert.Equal((2, StageActivity.Restoring), (facts.RootOf(Stage).Preemptions, lost.Progress.Activity));
        foreach (var root in facts.Roots.Values)
        {
            var ledger = root.Ledger;
            Assert.Equal((ledger.Until! - facts.SubmittedAt!).Value.TotalSeconds, ledger.TotalSeconds, Rounding);
            Assert.Equal(ledger.Until, root.WrittenAt);
            Assert.True(ledger is { TrainingSeconds: > 0, RestoreSeconds: > 0, StallSeconds: > 0 }, ledger.ToString());
        }

        Assert.True(facts.RootOf(Stage).Ledger is { HeldSeconds: > 0, DownSeconds: > 0 }, facts.RootOf(Stage).Ledger.ToString());
        Assert.True(facts.RootOf(new StageId(0, 1)).Ledger.BeforeSeconds > 0);
        var all = RunLedger.Of(facts, time.GetUtcNow())!;
        Assert.Equal(all.WallSeconds, all.Chains.TotalSeconds, Rounding);
    }

    [Fact]
    public async Task Ledger_OfAnOwnerThatIsGone_CountsWhatItToldBeyondItsCommitAsLost()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => spec with { Operations = spec.Operations with { CheckpointEverySteps = 1000 } });
        var owner = await run.TakeAsync(Stage);
        var told = owner.Progress;
        var trained = told.Ledger! with { TrainingSeconds = 5, Until = told.Ledger!.Until!.Value.AddSeconds(5) };
        await run.Documents.WriteProgressAsync(Stage, told with { Step = 3, Ledger = trained }, TestContext.Current.CancellationToken);

        var next = (await run.TakeAsync(Stage)).Progress.Ledger!;

        Assert.Equal(5, next.LostSeconds, 3);
        Assert.Equal(0, next.TrainingSeconds, 3);
        Assert.Equal(3, (await run.FactsAsync()).RootOf(Stage).LostSteps);
        Assert.Contains("3 steps after step 0 are lost (5.0 s of training)", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_FromAnOlderCheckpoint_CountsWhatLedToTheDamagedOneAsLost()
    {
        var store = new MemoryStore();
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1));
        await using var run = new LocalRun(store, time: time);
        await run.SubmitAsync();
        CrashPoint.Watcher.Value = point => time.Advance(TimeSpan.FromSeconds(point == CrashPoint.Step ? 7 : 0));
        await EndAsync(run, StopReason.Requested, steps: 4);
        var before = (await run.FactsAsync()).RootOf(Stage);
        var part = before.Current!.Manifest.Replace("manifest.json", "part-0.safetensors", StringComparison.Ordinal);
        await store.WriteAsync(part, "damaged"u8.ToArray(), TestContext.Current.CancellationToken);

        await EndAsync(run, StopReason.Requested);

        var after = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal(before.Current.Step - before.Previous!.Step, after.LostSteps);
        Assert.Equal(before.Current.TrainingSeconds - before.Previous.TrainingSeconds, after.Ledger.LostSeconds, Rounding);
    }

    /// <summary>Takes the stage, trains some steps of it and stops for a reason.</summary>
    private static async Task EndAsync(LocalRun run, StopReason reason, int steps = 1)
    {
        var runner = await run.TakeAsync(Stage);
        var from = runner.Progress.Step;
        LocalRun.Start(
            runner,
            (trainer, step) =>
            {
                if (step >= from + steps)
                {
                    trainer.Stop(reason);
                }
            }
        );
        Assert.Equal(reason, await runner.Completion);
    }
}
