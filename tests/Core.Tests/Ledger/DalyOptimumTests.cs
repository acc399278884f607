using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tests.Plan;

namespace Slowrun.Core.Tests.Ledger;

public sealed class DalyOptimumTests
{
    [Theory]
    [InlineData(3600, 10, 60)]
    [InlineData(60, 0.02, 2)]
    public void Best_OfCheapCheckpoints_IsNearYoungsInterval(double between, double cost, double afterLoss)
    {
        var (interval, share) = DalyOptimum.Best(between, cost, afterLoss);

        Assert.InRange(interval / Math.Sqrt(2 * cost * between), 0.9, 1.05);
        // To first order a loss costs half an interval and what comes after it, and each interval its checkpoint.
        var expected = 1 / (1 + (cost / interval) + (((interval / 2) + afterLoss) / between));
        Assert.InRange(share / expected, 0.99, 1.01);
    }

    [Fact]
    public void Best_IsBetterThanHalfAndTwiceItsInterval()
    {
        var (interval, share) = DalyOptimum.Best(60, 1, 5);

        Assert.All(new[] { 0.5, 0.9, 1.1, 2 }, factor => Assert.True(Share(interval * factor) < share));

        static double Share(double interval) => interval / ((60 + 5) * (Math.Exp((interval + 1) / 60) - 1));
    }

    [Fact]
    public void Of_ARun_SumsItsChainsToTheirWallClockTime()
    {
        var start = RunFactsExample.Now.AddSeconds(-100);
        var example = new RunFactsExample().Scored("chain0/stage0", "chain2/stage0").Taken("chain1/stage0", 50, reported: 60);
        var facts = example.Facts;
        var pace = new CheckpointPace(0.5, 1, 5);
        var roots = new Dictionary<StageId, StageRoot>(facts.Roots)
        {
            [RunFactsExample.Id("chain0/stage0")] = facts.RootOf(RunFactsExample.Id("chain0/stage0")) with
            {
                Ledger = new()
                {
                    TrainingSeconds = 50,
                    LostSeconds = 5,
                    RestoreSeconds = 3,
                    DownSeconds = 2,
                    Until = start.AddSeconds(60),
                },
            },
            [RunFactsExample.Id("chain2/stage0")] = facts.RootOf(RunFactsExample.Id("chain2/stage0")) with
            {
                Ledger = new() { TrainingSeconds = 20, Until = start.AddSeconds(20) },
            },
            [RunFactsExample.Id("chain1/stage0")] = facts.RootOf(RunFactsExample.Id("chain1/stage0")) with
            {
                Ledger = new()
                {
                    SlotSeconds = 10,
                    TrainingSeconds = 70,
                    StallSeconds = 15,
                    Until = start.AddSeconds(95),
                },
                Current = new CheckpointRef("m", "h", 50, 3, 1, start) { Pace = pace },
            },
        };
        var reported = new Dictionary<StageId, StageProgress>(facts.Progress);
        reported[RunFactsExample.Id("chain1/stage0")] = reported[RunFactsExample.Id("chain1/stage0")] with
        {
            Ledger = new()
            {
                SlotSeconds = 10,
                TrainingSeconds = 75,
                StallSeconds = 15,
                Until = start.AddSeconds(100),
            },
        };

        var ledger = RunLedger.Of(facts with { Roots = roots, Progress = reported, SubmittedAt = start }, RunFactsExample.Now)!;

        // chain0/stage1 was ready from second 60 on, and was not taken: "silo-a" has no start in its address, so no silo was there to take
        // it.
        Assert.Equal(
            (145, 10, 2, 40, 80),
            (
                ledger.Chains.TrainingSeconds,
                ledger.Chains.SlotSeconds,
                ledger.Chains.DownSeconds,
                ledger.Chains.HeldSeconds,
                ledger.EndedSeconds
            )
        );
        Assert.Equal(100, ledger.WallSeconds);
        Assert.Equal(300, ledger.Chains.TotalSeconds + ledger.EndedSeconds);
        Assert.Equal(145.0 / (145 + 5 + 3 + 2 + 15), ledger.Goodput!.Value, 6);
        Assert.Equal(
            (0.5, ledger.Preemptions),
            (ledger.Optimum!.CheckpointCostSeconds, (int)Math.Round((145 + 5 + 3 + 15) / ledger.Optimum.BetweenLossesSeconds))
        );
        Assert.Equal(2.0 / ledger.Preemptions, ledger.Optimum.DetectionSeconds, 6);
        Assert.Equal(145.0 / (145 + 5 + 3 + 15 + 2) / ledger.Optimum.Share, ledger.Optimum.Reached, 6);
    }

    [Fact]
    public void Of_ARunOfAnUnknownBeginning_IsNotKnown() => Assert.Null(RunLedger.Of(new RunFactsExample().Facts, RunFactsExample.Now));
}
