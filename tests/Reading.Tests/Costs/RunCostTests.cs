using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Costs;

namespace Slowrun.Reading.Tests.Costs;

public sealed class RunCostTests
{
    private static readonly RunPlan Plan = new(SpecReader.FromPreset("tiny").Recipe);

    // Of the 3,600 s with an owner nine tenths count.
    private static readonly StageLedger Spent = new()
    {
        TrainingSeconds = 3240,
        LostSeconds = 200,
        RestoreSeconds = 100,
        StallSeconds = 60,
        SlotSeconds = 500,
        DownSeconds = 70,
        HeldSeconds = 9000,
    };

    [Fact]
    public void Of_ARunThatIsOver_IsThePriceOfTheTimeThatMachinesOwnedItsStages()
    {
        var cost = RunCost.Of(Status(RunState.Succeeded, StageState.Done), Plan, new MachinePrice(7, "--price"));

        Assert.Equal(1, cost.MachineHours!.Value, 1e-9);
        Assert.Equal(7, cost.SoFar!.Value, 1e-9);
        Assert.Equal(cost.SoFar, cost.Expected);
        Assert.Equal((7, "--price", null), (cost.PricePerHour, cost.PriceFrom, cost.Unknown));
    }

    [Fact]
    public void Of_ARunThatTrains_ExpectsTheSameShareOfLossesInWhatIsLeft()
    {
        var status = Status(RunState.Running, StageState.Training);
        var left = Eta.LeftByChain(status, Plan)!.Sum();

        var cost = RunCost.Of(status, Plan, new MachinePrice(7, "--price"));

        Assert.True(left > 0);
        Assert.Equal(7 * (1 + (left / 0.9 / 3600)), cost.Expected!.Value, 1e-6);
        Assert.Equal(7 * cost.ExpectedMachineHours!.Value, cost.Expected.Value, 1e-9);
    }

    [Fact]
    public void Of_MachinesOfSeveralStages_DividesTheirPrice() =>
        Assert.Equal(
            7 / 8.0,
            RunCost.Of(Status(RunState.Succeeded, StageState.Done), Plan, new MachinePrice(7, "--price", StagesAtATime: 8)).SoFar!.Value,
            1e-9
        );

    [Fact]
    public void Of_ARunThatStandsStill_SaysThatWhatIsLeftIsNotKnown()
    {
        var cost = RunCost.Of(Status(RunState.Running, StageState.Ready), Plan, new MachinePrice(7, "--price"));

        Assert.Equal(7, cost.SoFar!.Value, 1e-9);
        Assert.Null(cost.Expected);
        Assert.Null(cost.ExpectedMachineHours);
        Assert.Contains("no stage trains now", cost.Unknown, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_NoPriceOrNoLedger_IsNothingWithAReason()
    {
        var status = Status(RunState.Running, StageState.Training);

        var withoutPrice = RunCost.Of(status, Plan, null);
        var withoutLedger = RunCost.Of(status with { Ledger = null }, Plan, new MachinePrice(7, "--price"));

        Assert.Equal(new RunCost { Unknown = RunCost.NoPrice }, withoutPrice);
        Assert.Equal(new RunCost { Unknown = RunCost.NoLedger }, withoutLedger);
    }

    private static RunStatus Status(RunState state, StageState stage) =>
        new()
        {
            Name = "run",
            State = state,
            AsOf = new DateTimeOffset(2026, 11, 1, 12, 0, 0, TimeSpan.Zero),
            Source = StatusSource.Store,
            Ledger = new RunLedger
            {
                Chains = Spent,
                WallSeconds = 7200,
                ChainCount = 2,
                Preemptions = 1,
                LostSteps = 0,
                Takes = 3,
            },
            Stages =
            [
                .. Plan.Stages.Select(one => new StageStatus
                {
                    Id = one.Id,
                    Role = ChainRole.Members,
                    State = stage,
                    Step = 10,
                    Steps = 100,
                    DurableStep = 10,
                    EpochToken = 1,
                    Preemptions = 0,
                    LostSteps = 0,
                    TokensPerSecond = stage == StageState.Training ? 1000 : null,
                }),
            ],
        };
}
