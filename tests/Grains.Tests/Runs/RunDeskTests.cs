using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>Which silos the run grain wakes, and when. No time passes: what is woken does not wait for its next look.</summary>
public sealed class RunDeskTests : RunDeskBench
{
    [Fact]
    public async Task Report_OfAnOwnerThatHasFinished_WakesASiloForTheNextStageAndTheScore()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        Assert.Empty(woken);

        await WriteAsync(First, root => root with { Owner = null, Snapshot = Snapshot });
        await ReportAsync(revision: 2);

        await UntilWokenAsync(2);
        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Report_OfAnOwnerThatHasLetGo_WakesOneOfTheSilosThatWait()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2);

        await UntilWokenAsync(1);
        Assert.Single(woken);
        Assert.Equal([First], (await HandedAsync(1)).Concat(await HandedAsync(2)));
    }

    [Fact]
    public async Task Report_OfAnOwnerThatHasLetGo_DoesNotWakeThatOwnerForItsOwnStage()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        // It has another slot, and looks no more once it stops.
        await AskAsync(0);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2, hasEnded: true);

        await UntilWokenAsync(2);
        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Report_SoonAfterAnother_IsReadWhenTheTimeBetweenReadingsIsOver()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        await HandedAsync(1);
        woken.Clear();
        await WriteAsync(First, root => root);
        await ReportAsync(revision: 2);
        Assert.Empty(woken);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 3);
        Assert.Empty(woken);
        time.Advance(TimeSpan.FromSeconds(1));

        await UntilWokenAsync(1);
        Assert.Equal([Address(2)], woken);
    }

    [Fact]
    public async Task Report_OfALastWordSoonAfterAnother_IsReadAtOnce_OnceForEachTake()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        await HandedAsync(1);
        woken.Clear();
        await WriteAsync(First, root => root);
        await ReportAsync(revision: 2);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 3, hasEnded: true);

        await UntilWokenAsync(1);
        Assert.Equal([Address(2)], woken);

        // Nonsense costs no more than usual.
        await WriteAsync(First, root => root);
        slow.Gate = new TaskCompletionSource();
        slow.Waiting = 0;
        await ReportAsync(revision: 4, hasEnded: true);
        Assert.Equal(0, slow.Waiting);
        slow.Gate.SetResult();
    }

    [Fact]
    public async Task Look_ThatTellsOfAnOwnerThatIsGone_WakesTheOtherSilosForWhatItLeft()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 2);
        await TrainingAsync(owner: 2, new StageId(1, 0));
        await AskAsync(0);
        await AskAsync(1);
        Assert.Empty(woken);

        membership.Set(silos[2], SiloStatus.Dead);
        await AskAsync(1);

        Assert.Equal([Address(0)], woken);
    }

    [Fact]
    public async Task Poke_OfARunThatWasResumed_WakesTheSilosThatWait()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Cancel);
        await AskAsync(0);
        await AskAsync(1);
        await AskAsync(2);
        Assert.Empty(woken);

        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Running }, Cancel);
        await desk.PokeAsync();

        Assert.Equal(2, woken.Distinct().Count());
    }

    [Fact]
    public async Task Poke_OfARunOfWhichNoSiloHasAsked_WakesAll_AndTwoOfThemForOneStageGetItOnce()
    {
        await SubmitAsync("{stages: 1}");

        await desk.PokeAsync();

        Assert.Equal([Address(0), Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
        Assert.Equal([First], (await HandedAsync(1)).Concat(await HandedAsync(2)));
    }

    [Fact]
    public async Task Look_OfASiloWhoseWakeWasLost_IsHandedTheStage()
    {
        await SubmitAsync("{stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2);
        await UntilWokenAsync(1);

        // Its own look, five seconds later.
        time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal([First], await HandedAsync(1));
    }

    [Fact]
    public async Task Look_OfASiloThatLeavesAloneWhatItWasHanded_WakesAnother()
    {
        await SubmitAsync("{stages: 1}");
        await AskAsync(0);
        await AskAsync(1);
        await AskAsync(2);
        woken.Clear();

        await desk.LookAsync(new RunQuestion(Address(0), 1) { NotMine = [WorkName.Train(Run, First)] });

        Assert.Single(woken, silo => silo != Address(0));
    }

    [Fact]
    public async Task Poke_WhereASiloOfAnOlderBuildWaits_WakesOnlyThoseThatUnderstandIt()
    {
        await SubmitAsync("{stages: 1}");
        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Cancel);
        await AskAsync(0);
        wakeable = [Address(1)];

        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Running }, Cancel);
        await desk.PokeAsync();

        Assert.Equal([Address(1)], woken);
    }

    [Fact]
    public async Task Look_OfASiloThatStopsWhileItScores_WakesAnotherForTheScore()
    {
        await SubmitAsync("{stages: 1}");
        await WriteAsync(First, root => root with { EpochToken = 1, Steps = 10, Snapshot = Snapshot });
        await AskAsync(0);
        await desk.LookAsync(new RunQuestion(Address(0), 0) { AtWork = [WorkName.Score(Run, First)] });
        await AskAsync(1);
        await AskAsync(2);
        woken.Clear();

        await desk.LookAsync(new RunQuestion(Address(0), 0) { AtWork = [WorkName.Score(Run, First)], Stops = true });

        Assert.Single(woken, silo => silo != Address(0));
    }

    [Fact]
    public async Task Report_ThatRefreshesWhatIsOld_WakesASiloForWhatAPersonHasLetGoOn()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await TrainingAsync(owner: 2, new StageId(1, 0));
        await AskAsync(1);
        await WriteAsync(new StageId(1, 0), root => root with { Owner = null });
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Empty(woken);

        await ReportAsync(revision: 1);

        await UntilWokenAsync(1);
        Assert.Equal(Address(1), woken[0]);
    }

    [Fact]
    public async Task Look_OfASiloThatALostReaderHadTold_WakesNoSiloThatHasNotAsked_ForTwoSeconds()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        var question = new RunQuestion(Address(0), 1) { Has = new NewsVersion("lost", 7) };

        await desk.LookAsync(question);
        Assert.Empty(woken);
        time.Advance(TimeSpan.FromSeconds(2));
        await desk.LookAsync(question);

        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }
}
