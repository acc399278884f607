using Microsoft.Extensions.Logging.Abstractions;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

/// <summary>What an owner reports, when, and what it obeys.</summary>
public sealed class ProgressPumpTests : IAsyncDisposable
{
    private static readonly StageId Stage = new(0, 0);

    private readonly LocalRun run = new(new MemoryStore());
    private readonly HeldBack slow;
    private readonly List<(StageProgress Report, StageRoot Root)> reports = [];
    private readonly TaskCompletionSource reported = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ProgressPump pump;
    private Func<StageProgress, Task<OwnerOrders>> answer;

    public ProgressPumpTests()
    {
        slow = new HeldBack(run.Store, name => name.EndsWith("/root.copy", StringComparison.Ordinal));
        answer = report => Task.FromResult(new OwnerOrders(new RunIntent(), report.EpochToken, null));
        pump = new ProgressPump(
            new SimGrains((_, _) => new Grain(ReportAsync)),
            run.Store,
            new SlotSensors(),
            new StoreTroubles(run.Store),
            TimeProvider.System,
            NullLogger<ProgressPump>.Instance
        );
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        slow.Dispose();
        await run.DisposeAsync();
        await pump.SettleAsync(TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task LastReport_IsSentOnceTheRootSaysThatTheStageIsFree_AndDoesNotWaitForWhatIsWrittenBehind()
    {
        var runner = await BeginAsync();
        await runner.FirstStep;
        slow.Holds = true;

        runner.Stop(StopReason.Requested);
        await ended.Task.WaitAsync(TimeSpan.FromMinutes(10), Stop);

        Assert.False(runner.Completion.IsCompleted);
        var (report, root) = reports[^1];
        Assert.Equal((null, root.Revision, root.DurableStep), (root.Owner, report.RootRevision, report.Step));
        Assert.DoesNotContain(reports.SkipLast(1), told => told.Report.HasEnded);
        slow.Release();
        await runner.Completion;
        await pump.SettleAsync(TimeSpan.FromMinutes(10));
        // The next owner's ledger goes on from it.
        Assert.True((await run.Documents.TryReadProgressAsync(Stage, Stop))!.HasEnded);
    }

    [Fact]
    public async Task FirstStep_IsReportedAtOnce()
    {
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (plain, before) = (answer, 0);
        answer = report =>
        {
            before += report.FirstStepAt is null ? 1 : 0;
            if (report.FirstStepAt is not null)
            {
                first.TrySetResult();
            }

            return plain(report);
        };
        await BeginAsync();

        await first.Task.WaitAsync(TimeSpan.FromMinutes(10), Stop);

        Assert.True(before > 0, "The owner had not been reported before its first step.");
    }

    [Fact]
    public async Task Owner_WhoseRunGrainIsSilent_ObeysAPauseThatTheStoreHas()
    {
        answer = _ => throw new IOException("The run grain's silo does not reach the store.");
        var runner = await BeginAsync();
        await runner.FirstStep;

        await run.Documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Stop);

        Assert.Equal(StopReason.Held, await runner.Completion.WaitAsync(TimeSpan.FromMinutes(10), Stop));
    }

    [Fact]
    public async Task Owner_ThatIsFenced_SendsNoLastReport()
    {
        var runner = await BeginAsync();
        await runner.FirstStep;

        runner.Stop(StopReason.Fenced);
        await runner.Completion;
        await pump.SettleAsync(TimeSpan.FromMinutes(10));

        Assert.DoesNotContain(reports, told => told.Report.HasEnded);
    }

    [Fact]
    public async Task Owner_ThatIsToldOfAnotherWhichTheRootDoesNotHave_GoesOn()
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        answer = report =>
        {
            if (report.FirstStepAt is not null)
            {
                told.TrySetResult();
            }

            return Task.FromResult(new OwnerOrders(new RunIntent(), report.EpochToken + 1, null));
        };
        var runner = await BeginAsync();

        await told.Task.WaitAsync(TimeSpan.FromMinutes(10), Stop);
        runner.Stop(StopReason.Requested);

        Assert.Equal(StopReason.Requested, await runner.Completion);
    }

    private async Task<StageRunner> BeginAsync()
    {
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 20_000 } },
                Operations = spec.Operations with
                {
                    CheckpointAtLeastEvery = TimeSpan.FromHours(1),
                    CheckpointAtMostEvery = TimeSpan.FromHours(1),
                },
            }
        );
        var runner = await run.TakeAsync(Stage, slow);
        pump.Start(runner);
        // The pump has a thread of its own, which a busy machine may give it after the first step.
        await reported.Task.WaitAsync(TimeSpan.FromMinutes(10), Stop);
        runner.Start();
        return runner;
    }

    private async Task<OwnerOrders> ReportAsync(StageProgress report)
    {
        reported.TrySetResult();
        var orders = await answer(report);
        reports.Add((report, (await run.Documents.TryReadRootAsync(Stage, Stop))!));
        if (report.HasEnded)
        {
            ended.TrySetResult();
        }

        return orders;
    }

    private sealed class Grain(Func<StageProgress, Task<OwnerOrders>> report) : IRunGrain
    {
        public Task<RunNews?> Look(RunQuestion question) => throw new NotSupportedException();

        public Task<RunStatus?> GetStatus() => throw new NotSupportedException();

        public Task Poke() => throw new NotSupportedException();

        public Task<OwnerOrders> Report(StageProgress progress) => report(progress);
    }
}
