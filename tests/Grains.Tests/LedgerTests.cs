using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

/// <summary>Every second of a stage is in one account, for all its owners and however they ended.</summary>
public sealed class LedgerTests
{
    private static readonly StageId Stage = new(0, 0);

    // Seconds. A difference, not a number of decimals: two sums of the same moments, of 100 ns each, may round to different ones.
    private const double Rounding = 1e-6;

    private static readonly TimeSpan Outage = TimeSpan.FromMinutes(2);

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

    [Theory]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public async Task Ledger_OfAnOwnerWhoseLastCheckpointTheRootDidNotGet_LosesNothing(int failures)
    {
        var store = new MemoryStore();
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1));
        await using var run = new LocalRun(store, time: time);
        await run.SubmitAsync(spec => spec with { Operations = spec.Operations with { CheckpointEverySteps = 1000 } });
        // Longer than a silo that stops is patient.
        var failing = new Failing(store, name => name.EndsWith("/root", StringComparison.Ordinal), () => time.Advance(Outage));
        CrashPoint.Watcher.Value = point => time.Advance(TimeSpan.FromSeconds(point == CrashPoint.Step ? 7 : 0));
        var runner = await run.TakeAsync(Stage, failing);
        LocalRun.Start(
            runner,
            (trainer, step) =>
            {
                if (step == 3)
                {
                    failing.Failures = failures;
                    trainer.Stop(StopReason.Held);
                }
            }
        );

        Assert.Equal(failures == 1 ? StopReason.Held : StopReason.Faulted, await runner.Completion);

        await run.Documents.WriteProgressAsync(Stage, runner.Progress, TestContext.Current.CancellationToken);
        var left = (await run.FactsAsync()).RootOf(Stage);
        if (failures == 1)
        {
            Assert.Equal((3, null, ReleaseCause.Held), (left.DurableStep, left.Owner, left.ReleasedFor));
        }

        time.Advance(TimeSpan.FromMinutes(1));
        var next = await run.TakeAsync(Stage);
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((3, 2L, 0L), (root.DurableStep, root.EpochToken, root.LostSteps));
        Assert.Equal(21, root.Ledger.TrainingSeconds, Rounding);
        Assert.Equal(0, root.Ledger.LostSeconds, Rounding);
        Assert.Equal((root.Ledger.Until! - (await run.FactsAsync()).SubmittedAt!).Value.TotalSeconds, root.Ledger.TotalSeconds, Rounding);
        Assert.Equal(3, next.Progress.Step);
    }

    [Fact]
    public async Task Leave_WhenTheStoreDoesNotTakeTheLastCheckpoint_IsReleasedForItsCauseWithWhatIsLost()
    {
        var store = new MemoryStore();
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(1));
        await using var run = new LocalRun(store, time: time);
        await run.SubmitAsync(spec => spec with { Operations = spec.Operations with { CheckpointEverySteps = 1000 } });
        var failing = new Failing(store, name => name.EndsWith("manifest.json", StringComparison.Ordinal), () => time.Advance(Outage));
        CrashPoint.Watcher.Value = point => time.Advance(TimeSpan.FromSeconds(point == CrashPoint.Step ? 7 : 0));
        var runner = await run.TakeAsync(Stage, failing);
        LocalRun.Start(
            runner,
            (trainer, step) =>
            {
                if (step == 3)
                {
                    failing.Failures = 1;
                    trainer.Stop(StopReason.Held);
                }
            }
        );

        Assert.Equal(StopReason.Held, await runner.Completion);

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((0, null, ReleaseCause.Held, 3L), (root.DurableStep, root.Owner, root.ReleasedFor, root.LostSteps));
        Assert.Equal((0, 21), (root.Ledger.TrainingSeconds, root.Ledger.LostSeconds));
        Assert.Contains("3 steps after it are lost", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, ReleaseCause.Error)]
    [InlineData(1, null)]
    public async Task Owner_ThatFails_BooksItsStepsAsLost(int budget, ReleaseCause? cause)
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec =>
            spec with
            {
                Operations = spec.Operations with { CheckpointEverySteps = 1000, FailureBudget = budget },
            }
        );
        var runner = await run.TakeAsync(Stage);
        LocalRun.Start(
            runner,
            (_, step) =>
            {
                if (step == 3)
                {
                    throw new InvalidOperationException("A defect.");
                }
            }
        );

        Assert.Equal(StopReason.Faulted, await runner.Completion);

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((0, null, cause, 2L), (root.DurableStep, root.Owner, root.ReleasedFor, root.LostSteps));
        Assert.Equal(cause is null, root.Failure is not null);
        Assert.True(root.Ledger is { TrainingSeconds: 0, LostSeconds: > 0, Checkpoints: 0 }, root.Ledger.ToString());
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

    /// <summary>Writes of some objects fail so many times, and take their time for it.</summary>
    private sealed class Failing(IObjectStore inner, Func<string, bool> which, Action failed) : DelegatingStore(inner)
    {
        public int Failures { get; set; }

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind is not ("create" or "replace") || !which(operation.Name) || Failures-- <= 0)
            {
                return run();
            }

            failed();
            throw new StoreException(StoreProblem.Unreachable, "Away.");
        }
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
