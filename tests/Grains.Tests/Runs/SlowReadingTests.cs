using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>What the run grain answers while the store does not.</summary>
public sealed class SlowReadingTests : RunDeskBench
{
    [Fact]
    public async Task Look_WhileTheStoreIsSlow_IsAnsweredByWhatIsKnown()
    {
        await SubmitAsync("{stages: 1}");
        await AskAsync(0);
        time.Advance(TimeSpan.FromSeconds(10));
        slow.Gate = new TaskCompletionSource();

        var look = HandedAsync(1);
        Assert.False(look.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.5));

        Assert.Equal([First], await look);
        slow.Gate.SetResult();
    }

    [Fact]
    public async Task Look_WhileTheStoreHangs_IsAnsweredByWhatIsKnownForFiveSecondsAlone_AndAgainOnceItIsBack()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        slow.Gate = new TaskCompletionSource();
        await WriteAsync(First, root => root with { Owner = null, Snapshot = Snapshot });
        await ReportAsync(revision: 2);

        // The way of the reader's silo alone: others can find the next stage in the store.
        var early = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(await early);
        var late = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(1));
        var error = await Assert.ThrowsAsync<IOException>(() => late);
        Assert.Contains(
            $"not answered silo {Address(0)}, which reads run 'run' for all silos, for 5 s",
            error.Message,
            StringComparison.Ordinal
        );

        // A try that ends and is begun anew starts no other five seconds.
        var gate = slow.Gate;
        slow.Gate = new TaskCompletionSource();
        gate.SetException(new IOException("Away."));
        var next = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(0.5));
        await Assert.ThrowsAsync<IOException>(() => next);

        slow.Gate.SetResult();
        slow.Gate = null;
        // A score besides.
        var news = await desk.LookAsync(new RunQuestion(Address(1), 2));
        Assert.Contains(WorkName.Train(Run, Second), news!.Handed);
    }

    [Fact]
    public async Task Look_OfALargeRunThatWasNeverRead_IsAnsweredBeforeSilosReadItThemselves()
    {
        await SubmitAsync(string.Join(", ", Enumerable.Repeat("{stages: 1}", 480)));
        var virtualTime = new VirtualTime();
        var cloud = new CloudStore(store, TimeSpan.FromMilliseconds(10), new Random(1), virtualTime);
        var watch = new RunWatch(new RunFactsReader(cloud, virtualTime), cloud, membership, new LivingSilos(membership), virtualTime);
        var cold = new RunDesk(Run, Address(0), watch, (_, _) => { }, watch.ActiveSilos, virtualTime);

        var look = cold.LookAsync(new RunQuestion(Address(1), 1));
        // Silos wait a second.
        virtualTime.Run(virtualTime.Now + TimeSpan.FromSeconds(0.8));

        Assert.True(look.IsCompletedSuccessfully);
        Assert.Equal(480, cloud.Counts["read root"]);
    }

    [Fact]
    public async Task Look_OfARunThatWasNeverRead_WaitsForTheReading()
    {
        await SubmitAsync("{stages: 1}");
        slow.Gate = new TaskCompletionSource();

        var look = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(look.IsCompleted);
        slow.Gate.SetResult();

        Assert.Equal([First], await look);
    }

    [Fact]
    public async Task Look_LongAfterAReadingThatFailed_IsAnsweredByWhatIsKnown()
    {
        await SubmitAsync("{stages: 1}");
        await AskAsync(0);
        time.Advance(TimeSpan.FromSeconds(10));
        slow.Gate = new TaskCompletionSource();
        var failing = HandedAsync(1);
        slow.Gate.SetException(new IOException("Away."));
        await Assert.ThrowsAsync<IOException>(() => failing);

        // No caller asks, so none waits for the store.
        time.Advance(TimeSpan.FromMinutes(10));

        slow.Gate = new TaskCompletionSource();
        var look = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal([First], await look);
        slow.Gate.SetResult();
    }
}
