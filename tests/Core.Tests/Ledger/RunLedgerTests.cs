using Slowrun.Core.Ledger;
using Slowrun.Core.Stages;
using Slowrun.Core.Tests.Plan;

namespace Slowrun.Core.Tests.Ledger;

public sealed class RunLedgerTests
{
    private static readonly StageLedger Spent = new()
    {
        TrainingSeconds = 60,
        LostSeconds = 10,
        RestoreSeconds = 5,
        StallSeconds = 5,
        DownSeconds = 20,
        SlotSeconds = 40,
        HeldSeconds = 300,
        BeforeSeconds = 7,
    };

    [Fact]
    public void Goodput_IsTrainingsShareOfTheAccountsThatCount()
    {
        var ledger = Ledger();

        var counted = LedgerAccount.All.Where(account => account.Counts).Sum(account => account.Seconds(ledger.Chains));

        Assert.Equal(0.6, ledger.Goodput!.Value, 12);
        Assert.Equal(counted, ledger.CountedSeconds);
    }

    [Fact]
    public void Accounts_OfALedger_AreAllOfItsTime() =>
        Assert.Equal(Spent.TotalSeconds, LedgerAccount.All.Sum(account => account.Seconds(Spent)));

    [Fact]
    public void MachinesLost_WhenOneSiloHadTwoStages_IsOne()
    {
        var example = new RunFactsExample().Lost("chain0/stage0", "silo-x").Lost("chain1/stage0", "silo-x");

        var ledger = RunLedger.Of(example.Facts with { SubmittedAt = RunFactsExample.Now.AddHours(-1) }, RunFactsExample.Now)!;

        Assert.Equal((2, 1), (ledger.Preemptions, ledger.MachinesLost));
    }

    [Fact]
    public void Preempted_MoreOftenThanIsKept_StillCountsEach()
    {
        var root = Enumerable.Range(0, StageRoot.MostLostSilos + 3).Aggregate(new StageRoot(), (now, i) => now.Preempted($"silo-{i}"));

        Assert.Equal(
            (StageRoot.MostLostSilos + 3, StageRoot.MostLostSilos, "silo-3"),
            (root.Preemptions, root.LostSilos.Count, root.LostSilos[0])
        );
    }

    private static RunLedger Ledger() =>
        new()
        {
            Chains = Spent,
            WallSeconds = 1000,
            ChainCount = 1,
            Preemptions = 0,
            LostSteps = 0,
            Takes = 1,
        };
}
