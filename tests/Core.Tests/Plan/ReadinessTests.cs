using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Plan;

public sealed class ReadinessTests
{
    private const string A0 = "chain0/stage0",
        A1 = "chain0/stage1",
        B0 = "chain1/stage0",
        B1 = "chain1/stage1",
        Baseline = "chain2/stage0";

    private readonly RunFactsExample run = new();

    [Fact]
    public void ToTrain_OfANewRun_IsEveryChainsFirstStageLongestChainFirst() => Assert.Equal([A0, B0, Baseline], ToTrain);

    [Fact]
    public void ToTrain_WhenAStageHasALivingOwner_LeavesItOut()
    {
        run.Taken(A0, 5);

        Assert.Equal([B0, Baseline], ToTrain);
    }

    [Fact]
    public void ToTrain_WhenTheOwnersSiloIsGone_OffersTheStageAgain()
    {
        run.Taken(A0, 5, silo: "silo-gone");

        // Chain 1 has all its work before it, chain 0 five steps less.
        Assert.Equal([B0, A0, Baseline], ToTrain);
    }

    [Fact]
    public void ToTrain_WhenAStageWasReleased_OffersItAgain()
    {
        run.Released(A0, 50);

        Assert.Contains(A0, ToTrain);
    }

    [Fact]
    public void ToTrain_WhenAStageFinishes_OffersItsSuccessorBeforeItIsScored()
    {
        run.Finished(A0);

        Assert.Equal([B0, A1, Baseline], ToTrain);
    }

    [Theory]
    [InlineData(DesiredState.Paused)]
    [InlineData(DesiredState.Cancelled)]
    public void ToTrain_WhenTheUserWantsNoTraining_IsEmpty(DesiredState state)
    {
        run.Intent(state);

        Assert.Empty(ToTrain);
    }

    [Fact]
    public void ToTrain_WhenOneStageHasAnotherState_FollowsThatState()
    {
        Assert.Equal(
            [B0],
            run.Intent(DesiredState.Paused, (B0, DesiredState.Running)).Facts is var facts ? Names(Readiness.ToTrain(facts)) : []
        );
        Assert.Equal([B0, Baseline], Names(Readiness.ToTrain(run.Intent(DesiredState.Running, (A0, DesiredState.Paused)).Facts)));
        Assert.Empty(Readiness.ToTrain(run.Intent(DesiredState.Cancelled, (A0, DesiredState.Running)).Facts));
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(0, 1, true)]
    [InlineData(1, 1, false)]
    [InlineData(1, 2, true)]
    public void ToTrain_AfterAFailure_OffersTheStageOnlyToALaterRetry(int failedAt, int retries, bool ready)
    {
        run.Failed(A0, failedAt).Retry(A0, retries);

        Assert.Equal(ready, ToTrain.Contains(A0));
    }

    [Fact]
    public void ToScore_IsWhatIsFinishedAndNotScoredBaselinesToo()
    {
        run.Scored(A0).Finished(A1, Baseline).Taken(B0, 3);

        Assert.Equal([A1, Baseline], Names(Readiness.ToScore(run.Facts)));
    }

    [Fact]
    public void ToScore_WhenTheRunIsPaused_IsEmpty()
    {
        run.Finished(A0).Intent(DesiredState.Paused);

        Assert.Empty(Readiness.ToScore(run.Facts));
    }

    [Fact]
    public void EnsembleDue_IsTheScoredMembersInChainOrderWithoutBaseline()
    {
        run.Scored(B0, A0, Baseline).Finished(A1);

        Assert.Equal([A0, B0], Names(Readiness.EnsembleDue(run.Facts)!));
    }

    [Fact]
    public void EnsembleDue_WhenThatMixtureIsThere_IsNullUntilAnotherMemberIsScored()
    {
        run.Scored(A0, B0).Mixed(A0, B0);
        Assert.Null(Readiness.EnsembleDue(run.Facts));

        run.Scored(A1);
        Assert.Equal([A0, A1, B0], Names(Readiness.EnsembleDue(run.Facts)!));
    }

    [Fact]
    public void EnsembleDue_WithoutMembers_IsNull() => Assert.Null(Readiness.EnsembleDue(run.Scored(Baseline).Facts));

    [Theory]
    [InlineData(0, RunState.Succeeded)]
    [InlineData(64, RunState.Running)]
    public void StateOf_ARunOfBaselinesAlone_SucceedsWithoutAnEnsembleOnceAllAreJudged(int fitnessTokens, RunState state)
    {
        // With a fitness set each is judged there too: choices among baselines are made on it.
        var baselines = new RunFactsExample
        {
            Set = ["chains=[{role: Baseline}, {role: Baseline}]", $"data.fitnessTokens={fitnessTokens}"],
        };

        Assert.Equal(RunState.Running, Readiness.StateOf(baselines.Scored(A0).Facts));
        Assert.Equal(state, Readiness.StateOf(baselines.Scored(B0).Facts));
        Assert.Null(Readiness.EnsembleDue(baselines.Facts));
    }

    [Fact]
    public void StateOf_ARunFromBeginningToEnd_GoesThroughItsStates()
    {
        Assert.Equal(RunState.Pending, State);
        Assert.Equal(RunState.Running, Of(run.Taken(A0, 0)));
        Assert.Equal(RunState.Paused, Of(run.Intent(DesiredState.Paused)));
        Assert.Equal(RunState.Running, Of(run.Intent(DesiredState.Running)));
        Assert.Equal(RunState.Running, Of(run.Scored(A0, A1, B0, B1)));
        Assert.Equal(RunState.Running, Of(run.Finished(Baseline)));
        Assert.Equal(RunState.Running, Of(run.Scored(Baseline)));
        Assert.Equal(RunState.Succeeded, Of(run.Mixed(A0, A1, B0, B1)));
        Assert.Equal(RunState.Succeeded, Of(run.Intent(DesiredState.Cancelled)));
    }

    [Fact]
    public void StateOf_WhenCancelled_IsCancelledAtOnce()
    {
        Assert.Equal(RunState.Cancelled, Of(run.Taken(A0, 5).Intent(DesiredState.Cancelled)));
    }

    [Fact]
    public void StateOf_WithAFailedStage_IsFailedOnlyOnceNothingElseCanGoOn()
    {
        run.Failed(A0).Scored(B0, Baseline);
        Assert.Equal(RunState.Running, State);

        // What is left is still to be averaged.
        Assert.Equal(RunState.Running, Of(run.Scored(B1)));
        Assert.Equal(RunState.Failed, Of(run.Mixed(B0, B1)));
        Assert.Equal(RunState.Running, Of(run.Retry(A0, 1)));
    }

    [Fact]
    public void StateOf_WithACancelledChain_IsCancelledOnceTheOthersAreDone()
    {
        run.Intent(DesiredState.Running, (A0, DesiredState.Cancelled)).Scored(B0, B1);
        Assert.Equal(RunState.Running, State);

        Assert.Equal(RunState.Cancelled, Of(run.Scored(Baseline)));
    }

    [Fact]
    public void StateOf_WithADamagedRoot_KeepsThatStageAndThoseBehindItAndNoOther()
    {
        run.DamagedRoot(A0);

        Assert.Equal(StageState.Damaged, Readiness.StateOf(run.Facts, RunFactsExample.Id(A0)));
        Assert.Equal(StageState.Waiting, Readiness.StateOf(run.Facts, RunFactsExample.Id(A1)));
        Assert.Equal([B0, Baseline], ToTrain);
        Assert.Equal(RunState.Running, Of(run.Scored(B0, B1, Baseline)));
    }

    [Fact]
    public void ToTrain_WhenTheOrderIsLost_IsNothing()
    {
        Assert.Empty(Readiness.ToTrain(run.LostIntent().Facts));
        Assert.Equal(RunState.Paused, State);
    }

    private List<string> ToTrain => Names(Readiness.ToTrain(run.Facts));

    private RunState State => Readiness.StateOf(run.Facts);

    private static RunState Of(RunFactsExample run) => Readiness.StateOf(run.Facts);

    private static List<string> Names(IEnumerable<StageId> ids) => [.. ids.Select(id => id.ToString())];
}
