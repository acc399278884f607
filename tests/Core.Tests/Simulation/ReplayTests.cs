using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Simulation;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Simulation;

public sealed class ReplayTests
{
    private static readonly RunSpec Spec = OneChain(SpecReader.FromPreset("tiny"));

    private static readonly RunExplanation Explained = RunExplanation.Of(Spec, null, new ExplainRates(1), _ => 1000);

    [Fact]
    public void Replay_OfARunWithoutLosses_IsTheCalmRun()
    {
        var run = Recorded(calmSeconds: Calm(take: 0.7), []);

        var replay = Replay.Of(run, Explained);

        // What passes between ready and taken is found from the calm run's length.
        Assert.Equal(run.CalmSeconds, replay.Predicted!.Value, 1e-6);
        Assert.Equal((replay.Predicted - run.FinishedSeconds) / run.FinishedSeconds, replay.FinishError);
        Assert.Equal(replay.PredictedGoodput - run.Goodput, replay.GoodputError);
    }

    [Fact]
    public void Replay_OfASilentLoss_WaitsLongerThanForARefusedOne()
    {
        var silent = Replay.Of(Recorded(Calm(0), [Loss(isSilent: true)]), Explained);
        var refused = Replay.Of(Recorded(Calm(0), [Loss(isSilent: false)]), Explained);

        Assert.Equal(4.1, silent.Predicted!.Value - refused.Predicted!.Value, 0.001);
        Assert.True(silent.PredictedGoodput < refused.PredictedGoodput);
    }

    [Fact]
    public void Replay_OfAnAnnouncedLoss_LosesLessThanOfOneWithoutAWord()
    {
        var announced = Replay.Of(Recorded(Calm(0), [Loss(isSilent: false) with { NoticeSeconds = 60 }]), Explained);
        var silent = Replay.Of(Recorded(Calm(0), [Loss(isSilent: false)]), Explained);

        Assert.True(announced.Predicted < silent.Predicted);
        Assert.True(announced.PredictedGoodput > silent.PredictedGoodput);
    }

    [Fact]
    public void Replay_OfARunWhoseDisturbedSpeedWasRecorded_TrainsAtThatSpeedAndTakesFromTheCalmRun()
    {
        var run = Recorded(Calm(take: 0.7), []);
        var slower = run with { Disturbed = run.Calm with { FlopsPerSecond = run.Calm.FlopsPerSecond / 2 } };

        // All but boot, restores, takes and checkpoints takes twice as long, some captures the more: one a second of training.
        var training = Explained.Flops / run.Calm.FlopsPerSecond / Spec.Recipe.Chains.Sum(chain => chain.Stages);
        Assert.InRange(Replay.Of(slower, Explained).Predicted!.Value - run.CalmSeconds, 2 * training, 2 * training * 1.05);
    }

    [Fact]
    public void Replay_OfARunWhoseDetectionWasRecorded_WaitsAsLongAsThatForEachLoss()
    {
        var run = Recorded(Calm(0), [Loss(isSilent: true)]);

        var soon = Replay.Of(run with { DetectionSeconds = 1 }, Explained);
        var late = Replay.Of(run with { DetectionSeconds = 6 }, Explained);

        Assert.Equal(5, late.Predicted!.Value - soon.Predicted!.Value, 0.001);
    }

    [Fact]
    public void Detection_IsTheMeanOverLossesOfOwnersThatCameWithoutAWord()
    {
        var loss = Loss(isSilent: false);
        RecordedLoss[] losses = [loss, loss with { Stage = null }, loss with { NoticeSeconds = 10 }, loss with { IsSilent = true }];

        Assert.Equal(4, RecordedLoss.Detection(losses, downSeconds: 8));
        Assert.Null(RecordedLoss.Detection(losses[1..3], downSeconds: 8));
    }

    private static RecordedLoss Loss(bool isSilent) => new(40, new StageId(0, 0), null, isSilent);

    private static double Calm(double take)
    {
        var run = Recorded(0, []);
        var plan = new RunPlan(run.Spec.Recipe);
        return RunSimulation
            .Run(
                run.Spec,
                plan,
                StageModels.Of(plan, Explained, run.Calm.FlopsPerSecond),
                new FleetModel
                {
                    Machines = run.Machines,
                    BootSeconds = run.BootSeconds,
                    RestoreSeconds = run.Calm.RestoreSeconds!.Value,
                    StallSeconds = run.Calm.StallSeconds!.Value,
                    CommitSeconds = run.Calm.CommitSeconds!.Value,
                    TakeSeconds = take,
                },
                0,
                0
            )
            .FinishedSeconds!.Value;
    }

    // Stages of about 50 s, on one slot each.
    private static RecordedRun Recorded(double calmSeconds, IReadOnlyList<RecordedLoss> losses) =>
        new()
        {
            Spec = Spec,
            Machines = 3,
            BootSeconds = 2,
            Calm = new MeasuredRun(Explained.Flops / 200, 1, RestoreSeconds: 0.3, StallSeconds: 0.01, CommitSeconds: 0.1),
            CalmSeconds = calmSeconds,
            Losses = losses,
            FinishedSeconds = 150,
            Goodput = 0.9,
        };

    // Chains wait for each other's scores.
    private static RunSpec OneChain(RunSpec spec) => spec with { Recipe = spec.Recipe with { Chains = [spec.Recipe.Chains[0]] } };
}
