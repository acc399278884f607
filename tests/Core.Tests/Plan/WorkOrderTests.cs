using Slowrun.Core.Plan;

namespace Slowrun.Core.Tests.Plan;

public sealed class WorkOrderTests
{
    private const string A0 = "chain0/stage0",
        A1 = "chain0/stage1",
        B0 = "chain1/stage0",
        B1 = "chain1/stage1",
        Baseline = "chain2/stage0";

    private readonly RunFactsExample run = new();

    [Fact]
    public void Of_WithinARun_JudgesBeforeItTrains()
    {
        run.Scored(A0).Finished(Baseline);

        Assert.Equal(
            [$"score tiny/{Baseline}", "mix tiny", $"train tiny/{B0}", $"train tiny/{A1}"],
            WorkOrder.Of([run.Facts]).Select(work => work.Name)
        );
    }

    [Fact]
    public void Of_SeveralRuns_HasTheHigherPriorityFirstAndThenTheName()
    {
        RunFacts[] runs = [Named("c", priority: 1), Named("b", priority: 0), Named("a", priority: 0), Named("d", priority: 7)];

        Assert.Equal(["d", "c", "a", "b"], WorkOrder.Of(runs).Select(work => work.Run).Distinct());
    }

    [Fact]
    public void Of_WhenSomethingDoesNotFit_LeavesOnlyThatOut()
    {
        var work = WorkOrder.Of(
            [Named("a", 0), Named("b", 0)],
            (facts, one) => facts.Spec.Name == "b" && one.Stage != RunFactsExample.Id(B0)
        );

        Assert.Equal([$"train b/{A0}", $"train b/{Baseline}"], work.Select(one => one.Name));
    }

    [Fact]
    public void Of_AStageThatHadAnOwner_NamesItsEpochTokenAndLanes()
    {
        run.Taken(A0, 5, silo: "silo-gone");

        var stage = Assert.Single(WorkOrder.Of([run.Facts]), one => one.Stage == RunFactsExample.Id(A0));
        Assert.Equal(3, stage.EpochToken);
        Assert.Equal(run.Facts.Plan[RunFactsExample.Id(A0)].Stage.Lanes, stage.Lanes);
    }

    [Fact]
    public void Of_WorkThatNeedsNoOwner_NamesNoEpochToken()
    {
        run.Scored(A0, B0).Finished(Baseline);

        Assert.All(WorkOrder.Of([run.Facts]).Where(one => one.Kind != WorkKind.Train), one => Assert.Null(one.EpochToken));
    }

    [Theory]
    [InlineData(8, 1, 4, 4)]
    [InlineData(8, 3, 4, 2)]
    [InlineData(3, 1, 4, 2)]
    [InlineData(1, 5, 4, 1)]
    [InlineData(0, 1, 4, 0)]
    public void Shares_OfOneRun_AreWholeLanesOfWhatIsFree(int free, int ready, int lanes, int expected)
    {
        var slots = Enumerable.Range(0, free).Select(i => $"cpu:{i}").ToList();

        Assert.Equal(slots[..expected], SlotShares.Next(slots, ready, lanes));
    }

    [Fact]
    public void Shares_OfAHighRun_LeaveNothingForTheWorkOfALowOne()
    {
        IReadOnlyList<ReadyWork> work = [Stage("high") with { Lanes = 2 }, Stage("low"), Stage("low")];

        Assert.Equal(["cpu:0", "cpu:1"], SlotShares.Next(work, 0, ["cpu:0", "cpu:1"]));
        Assert.Equal(["cpu:0"], SlotShares.Next(work, 1, ["cpu:0", "cpu:1"]));
        Assert.Empty(SlotShares.Next(work, 2, []));
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 4)]
    [InlineData(3, 2)]
    [InlineData(9, 1)]
    public void Shares_WhereOthersTrainTheRest_AreOfWhatThisSiloMayTrain(int room, int expected) =>
        Assert.Equal(expected, SlotShares.Next([.. Enumerable.Range(0, 8).Select(i => $"cuda:{i}")], 5, 8, room).Count);

    [Fact]
    public void Shares_OfTwoKindsOfDevices_AreOfOne() => Assert.Equal(["cuda:0"], SlotShares.Next(["cuda:0", "cpu:0", "cpu:1"], 1, 4));

    [Fact]
    public void Name_OfEveryKind_ContainsItsRun() =>
        Assert.All(
            WorkOrder.Of([new RunFactsExample().Scored(A0).Finished(B0, B1).Facts]),
            work => Assert.Equal("tiny", WorkName.RunOf(work.Name))
        );

    private static RunFacts Named(string name, int priority)
    {
        var spec = new RunFactsExample().Facts.Spec;
        return new RunFacts(spec with { Name = name, Operations = spec.Operations with { Priority = priority } });
    }

    private static ReadyWork Stage(string run) => new(WorkKind.Train, run, new StageId(0, 0));
}
