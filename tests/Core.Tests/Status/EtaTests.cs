using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Core.Tests.Status;

/// <summary>Two chains of two like stages, 100 steps each. A step takes a second.</summary>
public sealed class EtaTests
{
    private static readonly RunPlan Plan = new(
        SpecReader.FromPreset("micro", new SpecOverrides { Set = ["chains=[{stages: 2}, {stages: 2}]", "stage.distillation=null"] }).Recipe
    );

    private static readonly double Rate = Plan.Stages[0].Stage.BatchTokens;

    [Fact]
    public void Of_WhileACheckpointStalls_StaysAsItWas()
    {
        var before = Seconds(2, Training(0, 50, Rate), Waiting(1), Training(2, 50, Rate), Waiting(3));
        var stalled = Seconds(2, Training(0, 50, Rate / 3), Waiting(1), Training(2, 50, Rate), Waiting(3));

        Assert.Equal(150, before, 1e-6);
        Assert.Equal(before, stalled, 1e-6);
    }

    [Fact]
    public void Of_WhileAChainIsBetweenTwoStages_StaysAsItWas()
    {
        var before = Seconds(2, Training(0, 50, Rate), Waiting(1), Training(2, 99, Rate), Waiting(3));
        var between = Seconds(2, Training(0, 50, Rate), Waiting(1), Done(2), Waiting(3) with { State = StageState.Ready });
        var taken = Seconds(2, Training(0, 50, Rate), Waiting(1), Done(2), Training(3, 1, Rate / 5, steady: null));

        Assert.Equal(150, before, 1e-6);
        Assert.Equal(150, between, 1e-6);
        Assert.Equal(150, taken, 1e-6);
    }

    // Every chain has just begun its second stage: what the first ones took is the better measure.
    [Fact]
    public void Of_StagesThatHaveJustBegun_GoesByThoseBeforeThem() =>
        Assert.Equal(
            98,
            Seconds(2, Done(0), Training(1, 2, Rate / 5, steady: null), Done(2), Training(3, 2, Rate * 2, steady: null)),
            1e-6
        );

    // Three times as fast as what came before it: after 20 s a third of that is believed, after 60 s all.
    [Theory]
    [InlineData(20, 60)]
    [InlineData(60, 100 / 3.0)]
    [InlineData(600, 100 / 3.0)]
    public void Of_AStageOfAnotherSpeed_TurnsToItsOwnLittleByLittle(double trainedSeconds, double left)
    {
        // At step 0, so that it is no part of the run's average.
        var fast = Training(1, 0, Rate * 3, steady: Rate * 3) with
        {
            Ledger = new StageLedger { TrainingSeconds = trainedSeconds },
        };

        Assert.Equal(left, Seconds(1, Done(0), fast, Done(2), Done(3)), 1e-6);
    }

    [Fact]
    public void Of_ARunThatHasJustBegun_GoesByItsFirstSteps() =>
        Assert.Equal(299, Seconds(1, Training(0, 1, Rate, steady: null), Waiting(1), Waiting(2), Done(3) with { Ledger = null }), 1e-6);

    [Theory]
    [InlineData(4, false)]
    [InlineData(6, true)]
    public void Of_ARunsFirstSeconds_IsNotGuessed(double trainedSeconds, bool guessed) =>
        Assert.Equal(
            guessed,
            Left(
                1,
                Training(0, 2, Rate, steady: null) with
                {
                    Ledger = new StageLedger { TrainingSeconds = trainedSeconds },
                },
                Waiting(1),
                Waiting(2),
                Waiting(3)
            )
                is not null
        );

    private static double Seconds(int chainsAtWork, params StageStatus[] stages) => Left(chainsAtWork, stages)!.Value.TotalSeconds;

    private static TimeSpan? Left(int chainsAtWork, params StageStatus[] stages) =>
        Eta.Of(
            new RunStatus
            {
                Name = "micro",
                State = RunState.Running,
                ChainsAtWork = chainsAtWork,
                AsOf = DateTimeOffset.UnixEpoch,
                Source = StatusSource.Store,
                Stages = stages,
            },
            Plan
        );

    private static StageStatus Training(int stage, int step, double now) => Training(stage, step, now, Rate);

    private static StageStatus Training(int stage, int step, double now, double? steady) =>
        Waiting(stage) with
        {
            State = StageState.Training,
            Step = step,
            TokensPerSecond = now,
            SteadyTokensPerSecond = steady,
        };

    private static StageStatus Done(int stage) =>
        Waiting(stage) with
        {
            State = StageState.Done,
            Step = 100,
            Ledger = new StageLedger { TrainingSeconds = 98, StallSeconds = 2 },
        };

    private static StageStatus Waiting(int stage) =>
        new()
        {
            Id = Plan.Stages[stage].Id,
            Role = ChainRole.Members,
            State = StageState.Waiting,
            Step = 0,
            Steps = 100,
            DurableStep = 0,
            EpochToken = 1,
            Preemptions = 0,
            LostSteps = 0,
        };
}
