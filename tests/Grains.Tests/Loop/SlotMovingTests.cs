using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Machines;
using Slowrun.Core.Plan;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>A silo's looks have an idle slot join the stage that trains there, and leave it.</summary>
public sealed class SlotMovingTests : IAsyncLifetime
{
    private static readonly StageId First = new(0, 0);
    private static readonly string[] One = ["cpu:0"];
    private static readonly string[] Two = ["cpu:0", "cpu:1"];

    private readonly FakeTimeProvider time = new();
    private readonly SlotTable table = new(Two);
    private readonly LocalWork local = new();
    private readonly LocalRun run = new(new MemoryStore());
    private readonly HeldSlots held = new(One);
    private readonly TaskCompletionSource ended = new();
    private readonly Fingerprints fingerprints = new();
    private MachineMemory? memory;
    private SlotMoving? moving;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await run.SubmitAsync();
        await run.TakeAsync(First);
        held.Lend(table.TryReserve(One)!, () => { });
        local.Run(local.TryBegin(WorkName.Train("micro", First))!, (_, _) => { }, ended.Task, held);
        moving = new SlotMoving(table, local, fingerprints, new SlotSensors(null, () => memory), new TokenSets(run.Store), time);
    }

    public async ValueTask DisposeAsync()
    {
        ended.SetResult();
        table.Dispose();
        await run.DisposeAsync();
    }

    [Fact]
    public async Task Move_OfASlotThatStaysIdle_JoinsAndLeavesForReadyWorkAndDoesNotComeBackAtOnce()
    {
        await LookAsync();
        Assert.Null(held.Asked);
        await LookAsync(seconds: 2);
        Assert.Equal(Two, held.Asked);
        Assert.Empty(table.Free);
        held.Changed();

        await LookAsync(seconds: 1, ready: true);
        Assert.Equal(One, held.Asked);
        Assert.Empty(table.Free);
        held.Changed();
        Assert.Equal(["cpu:1"], table.Free);

        await LookAsync(seconds: 10);
        await LookAsync(seconds: 19);
        Assert.Null(held.Asked);
        await LookAsync(seconds: 1);
        Assert.Equal(Two, held.Asked);
    }

    [Fact]
    public async Task Move_BesideAnotherSilo_LeavesTheWorkToItFirst()
    {
        await LookAsync();
        await LookAsync(seconds: 2);
        held.Changed();

        await LookAsync(seconds: 1, ready: true, alive: 2);
        await LookAsync(seconds: 2, ready: true, alive: 2);
        Assert.Null(held.Asked);
        await LookAsync(seconds: 1, ready: true, alive: 2);
        Assert.Equal(One, held.Asked);
    }

    [Theory]
    [InlineData(10_000, false)]
    [InlineData(1_000_000_000, true)]
    public async Task Move_WhereAFurtherWorkerNeedsMoreThanIsFree_LetsNoneJoin(long freeBytes, bool joins)
    {
        memory = new MachineMemory(freeBytes, freeBytes);
        await LookAsync();
        await LookAsync(seconds: 3600);

        Assert.Equal(joins, held.Asked is not null);
    }

    [Fact]
    public async Task Move_WhereThereWasNoMemoryForAFurtherWorker_LetsItGoAndTriesNoMore()
    {
        await LookAsync();
        await LookAsync(seconds: 2);
        held.Changed();
        held.Fit(1);
        Assert.Equal(One, held.Asked);
        held.Changed();
        Assert.Equal(["cpu:1"], table.Free);

        await LookAsync(seconds: 3600);
        await LookAsync(seconds: 3600);
        Assert.Null(held.Asked);
    }

    private async Task LookAsync(double seconds = 0, bool ready = false, int alive = 1)
    {
        time.Advance(TimeSpan.FromSeconds(seconds));
        var facts = await run.FactsAsync([LocalRun.Silo, .. Enumerable.Range(2, alive - 1).Select(i => $"127.0.0.1:{i}@1")]);
        await moving!.MoveAsync([facts], ready ? [new ReadyWork(WorkKind.Train, "micro", new StageId(0, 1))] : [], Cancel);
    }
}
