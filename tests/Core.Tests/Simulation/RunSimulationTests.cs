using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Simulation;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Simulation;

public sealed class RunSimulationTests
{
    // 100 steps of 10 s; checkpoints cost nothing and are taken each 100 s at most.
    private static readonly StageModel Stage = new(100, 10, 0, 0, 5);

    private static readonly FleetModel Calm = new() { Machines = 2, PricePerHour = 3600 };

    [Fact]
    public void Run_WithoutLosses_TakesWhatItsStagesTake()
    {
        var run = Run(Calm);

        // Two chains of two stages beside each other, each followed by its score; an average takes no time.
        Assert.Equal(2 * (1000 + 5), run.FinishedSeconds!.Value, 0.001);
        Assert.Equal(1, run.Ledger.Goodput!.Value, 1e-9);
        Assert.Equal(4000, run.Ledger.Chains.TrainingSeconds, 0.001);
        Assert.Equal(2 * run.FinishedSeconds.Value, run.Cost, 0.001);
        Assert.Equal(0, run.MachinesLost);
    }

    [Fact]
    public void Run_OnOneMachine_TakesTwiceAsLong()
    {
        var run = Run(Calm with { Machines = 1 });

        Assert.Equal((4 * 1000) + (4 * 5), run.FinishedSeconds!.Value, 0.001);
        // The other chain waits meanwhile, which goodput does not count.
        Assert.Equal(1, run.Ledger.Goodput!.Value, 1e-9);
        Assert.True(run.Ledger.Chains.SlotSeconds > 1900);
    }

    [Fact]
    public void Run_OnAMachineOfMoreSlots_SharesThemByTheProductsRule()
    {
        // Four slots, two ready stages of two lanes: two slots each, at 0.8 of twice the speed. Then two scores and two stages: one each.
        var run = Run(Calm with { Machines = 1, Slots = 4, ScalingPerDoubling = 0.8 });

        Assert.Equal((1000 / 1.6) + 1000 + 5, run.FinishedSeconds!.Value, 0.001);
    }

    [Theory]
    [InlineData(null, 2000)]
    [InlineData(1, 1000)]
    [InlineData(2, 2000)]
    public void Run_OnMachinesOfMoreSlots_TrainsSoManyStagesOnEach(int? stages, double seconds)
    {
        // Two chains of two lanes, two machines of two slots: without a limit the first machine takes both, a slot each.
        var run = Run(Calm with { Slots = 2, StagesPerMachine = stages });

        Assert.InRange(run.FinishedSeconds!.Value, seconds, seconds + 10);
    }

    [Fact]
    public void Run_WhenAMachineVanishes_LosesWhatItsLastCommitDoesNotHave()
    {
        var loss = new PlannedLoss(255, new StageId(0, 0), null);
        var run = Run(Calm with { Losses = [loss], DetectionSeconds = 30, ReplacedAfterSeconds = 7, BootSeconds = 0, RestoreSeconds = 3 });

        // Restored after 3 s, captured every 100 s: step 20 was durable, and 55 s less 3 s had been trained since.
        var spent = run.Ledger.Chains;
        Assert.Equal(1, run.Ledger.Preemptions);
        Assert.Equal(52, spent.LostSeconds, 0.001);
        Assert.Equal(5, run.Ledger.LostSteps);
        Assert.Equal(30, spent.DownSeconds, 0.001);
        Assert.Equal(5 * 3, spent.RestoreSeconds, 0.001);
        Assert.Equal(4000, spent.TrainingSeconds, 0.001);
        Assert.Equal(2000 + 52 + 30 + (3 * 3) + (2 * 5), run.FinishedSeconds!.Value, 0.001);
        Assert.Equal(4000 / (4000 + 52 + 30 + 15.0), run.Ledger.Goodput!.Value, 1e-6);
    }

    [Fact]
    public void Run_WhenAnEvictionIsAnnounced_CommitsTheLastWholeStep()
    {
        var run = Run(Calm with { Losses = [new PlannedLoss(255, new StageId(0, 0), 30)], CommitSeconds = 4 });

        // Of the step that was broken off 5 s are lost; the commit takes 4 s.
        Assert.Equal(1, run.Ledger.Preemptions);
        Assert.Equal(0, run.Ledger.LostSteps);
        Assert.Equal(5, run.Ledger.Chains.LostSeconds, 0.001);
        Assert.Equal(0, run.Ledger.Chains.DownSeconds);
    }

    [Fact]
    public void Run_WhenTheNoticeIsShorterThanACommit_GoesOnFromTheCommitBefore()
    {
        var run = Run(Calm with { Losses = [new PlannedLoss(255, new StageId(0, 0), 30)], CommitSeconds = 29 });

        Assert.Equal(5, run.Ledger.LostSteps);
        Assert.Equal(55, run.Ledger.Chains.LostSeconds, 0.001);
    }

    [Fact]
    public void Run_OfTheSameSeedAndReplication_IsTheSame()
    {
        var fleet = Calm with
        {
            EvictionsPerHour = 2,
            NoticeSeconds = 30,
            NoticeShare = 0.5,
            BootSeconds = 60,
            ExitWhenIdle = TimeSpan.FromMinutes(10),
        };

        Assert.Equal(Run(fleet, replication: 3), Run(fleet, replication: 3));
        Assert.NotEqual(Run(fleet, replication: 3).FinishedSeconds, Run(fleet, replication: 4).FinishedSeconds);
    }

    [Fact]
    public void Run_WhereIdleMachinesEnd_PaysThemUntilThen()
    {
        var run = Run(Calm with { Machines = 3, ExitWhenIdle = TimeSpan.FromSeconds(600) });

        // The third one never has anything to do.
        Assert.Equal((2 * (run.FinishedSeconds!.Value + 600)) + 600, run.Cost, 0.1);
    }

    [Fact]
    public void Run_WhenMachinesAreLostFasterThanAStageGetsOn_GivesUp()
    {
        var fleet = Calm with { EvictionsPerHour = 3600, BootSeconds = 1, RestoreSeconds = 60, HorizonSeconds = 3600 };

        Assert.Null(Run(fleet).FinishedSeconds);
    }

    /// <summary>A simulation's time is that of its looks, each as long as there are stages and machines: it must not look more often than
    /// something happens to one of them.</summary>
    [Fact]
    public void Run_OfHundredsOfMachinesAndStages_HandlesAFewEventsForEachOfThem()
    {
        const int Machines = 250;
        const int Stages = 120;
        var fleet = Calm with
        {
            Machines = Machines,
            EvictionsPerHour = 2,
            NoticeSeconds = 30,
            NoticeShare = 0.5,
            BootSeconds = 60,
            ExitWhenIdle = TimeSpan.FromMinutes(10),
        };

        var run = Run(fleet, chains: Stages);

        Assert.NotNull(run.FinishedSeconds);
        Assert.InRange(run.Events, Machines + (2 * Stages), 12 * (Machines + run.MachinesLost + Stages));
    }

    [Theory]
    [InlineData(2, 3, 2)]
    [InlineData(5, 6, 5)]
    [InlineData(40, 10, 10)]
    public void Run_WithCheckpointsToKeep_HoldsTheseAndOneThatIsUploaded(int keep, int most, int end)
    {
        // Nine checkpoints of each stage, and its final state.
        var run = Run(Calm, stage: Stage with { CheckpointBytes = 100, SnapshotBytes = 7 }, keep: keep);

        Assert.Equal(4 * ((end * 100) + 7), run.Store.EndBytes);
        // Two stages are trained at a time, after two that are done.
        Assert.Equal((2 * ((end * 100) + 7)) + (2 * ((most * 100) + 7)), run.Store.MostBytes);
        Assert.InRange(run.Store.GigabyteMonths, 0, run.Store.MostBytes * run.FinishedSeconds!.Value / 1e9 / 3600 / 730);
        Assert.True(run.Store.GigabyteMonths > 0);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(30.0)]
    public void Run_WhenMachinesAreLost_StillHoldsWhatStagesKeep(double? notice)
    {
        PlannedLoss[] losses = [.. new[] { 50, 255, 256, 800, 1500 }.Select(at => new PlannedLoss(at, new StageId(0, at / 1000), notice))];
        var run = Run(Calm with { Losses = losses }, stage: Stage with { CheckpointBytes = 100, SnapshotBytes = 7 });

        Assert.True(run.MachinesLost >= 4);
        Assert.Equal(4 * 207, run.Store.EndBytes);
        Assert.InRange(run.Store.MostBytes, 4 * 207, (2 * 207) + (2 * 307));
    }

    [Fact]
    public void Run_OfAStageThatIsShorterThanAnInterval_HoldsItsFinalStateAlone()
    {
        var run = Run(Calm, stage: new StageModel(5, 1, 100, 7, 1));

        Assert.Equal((4 * 107, 4 * 107), (run.Store.EndBytes, run.Store.MostBytes));
    }

    private static SimulatedRun Run(FleetModel fleet, int replication = 0, int? chains = null, StageModel? stage = null, int keep = 2)
    {
        var spec = SpecReader.FromPreset("tiny");
        if (chains is { } count)
        {
            spec = spec with { Recipe = spec.Recipe with { Chains = [.. Enumerable.Repeat(new ChainRecipe { Stages = 1 }, count)] } };
        }

        var plan = new RunPlan(spec.Recipe);
        spec = spec with
        {
            Operations = new Operations
            {
                CheckpointAtLeastEvery = TimeSpan.FromSeconds(100),
                CheckpointAtMostEvery = TimeSpan.FromSeconds(100),
                KeepCheckpoints = keep,
            },
        };
        return RunSimulation.Run(spec, plan, plan.Stages.ToDictionary(one => one.Id, _ => stage ?? Stage), fleet, seed: 7, replication);
    }
}
