using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

/// <summary>Wall clocks that jump: no decision about who owns a stage, or what its bytes are, may depend on them.</summary>
public sealed class ClockTests
{
    private static readonly StageId Stage = new(0, 0);
    private static readonly Lazy<Task<IEnumerable<string?>>> Calm = new(CalmAsync);

    [Fact]
    public async Task Owner_WhoseClockJumpsByAnHourAtEveryLook_EndsWithTheSameBytes()
    {
        await using var run = new LocalRun(new MemoryStore(), time: new JumpingTime());
        await SubmitAsync(run);

        var status = await run.FinishAsync();

        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        Assert.Equal(await Calm.Value, Snapshots(status));
        Assert.All((await run.FactsAsync()).Roots.Values, root => Assert.Equal((0, 1), (root.Preemptions, root.EpochToken)));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Take_FromAnOwnerThatTrains_LeavesOneWriterWhoeverOfThemHasAJumpingClock(bool oldJumps, bool youngJumps)
    {
        var store = new MemoryStore();
        await using var old = new LocalRun(store, time: Clock(oldJumps));
        await using var young = new LocalRun(store, time: Clock(youngJumps));
        await SubmitAsync(old);
        var first = await old.TakeAsync(Stage);
        first.Start();
        await first.FirstStep;

        var second = await young.TakeAsync(Stage);
        // The first of the young one's root is what the old one had committed; whatever it commits later would show there.
        var taken = (await young.FactsAsync()).RootOf(Stage);
        var end = await first.Completion;
        var left = (await young.FactsAsync()).RootOf(Stage);
        Assert.Equal((taken.WriteId, taken.DurableStep), (left.WriteId, left.DurableStep));
        second.Start();

        Assert.True(end == StopReason.Fenced && await second.Completion == StopReason.Completed, await young.StoryAsync());
        Assert.Equal(await Calm.Value, Snapshots(await young.FinishAsync()));
        Assert.Equal((1, 2), ((await young.FactsAsync()).RootOf(Stage).Preemptions, (await young.FactsAsync()).RootOf(Stage).EpochToken));
    }

    [Fact]
    public async Task Start_OfASiloWhoseClockIsAnHourAhead_SetsItBeforeAnythingIsTaken()
    {
        var now = TimeProvider.System.GetUtcNow();
        var clock = new StoreClock(new FakeTimeProvider(now.AddHours(1)));
        using var check = new ClockCheck(new MemoryStore(), clock, NullLogger<ClockCheck>.Instance);

        await check.StartAsync(TestContext.Current.CancellationToken);

        Assert.InRange((clock.GetUtcNow() - now).TotalMinutes, -1, 1);
        await check.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task ServedSince_OfASiloWhoseClockWasSet_IsNotInTheFuture()
    {
        var now = TimeProvider.System.GetUtcNow();
        var clock = new StoreClock(new FakeTimeProvider(now.AddHours(1)));
        var sights = new ReadySince(clock);
        await clock.MeasureAsync(new MemoryStore(), TestContext.Current.CancellationToken);

        Assert.InRange((sights.ServedSince - now).TotalMinutes, -1, 1);
    }

    private static TimeProvider Clock(bool jumps) => jumps ? new JumpingTime() : TimeProvider.System;

    /// <summary>Long enough for a take while it trains.</summary>
    private static Task SubmitAsync(LocalRun run) =>
        run.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 6 } } });

    private static async Task<IEnumerable<string?>> CalmAsync()
    {
        await using var run = new LocalRun(new MemoryStore());
        await SubmitAsync(run);
        return Snapshots(await run.FinishAsync());
    }

    private static IEnumerable<string?> Snapshots(RunStatus status) => status.Stages.Select(stage => stage.SnapshotSha256);

    /// <summary>Forward by an hour, right, back by an hour, and again, at every look; the steady clock and the timers are a machine's
    /// own.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private int looks;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddHours(1 - (Interlocked.Increment(ref looks) % 3));
    }
}
