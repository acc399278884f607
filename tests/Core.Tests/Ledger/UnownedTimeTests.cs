using Slowrun.Core.Ledger;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Ledger;

public sealed class UnownedTimeTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private static UnownedTime Time => new() { SubmittedAt = Start };

    [Fact]
    public void Until_OfAFirstTake_IsWaitingForTheStageBeforeThenForASlot()
    {
        var ledger = (Time with { BeforeFinishedAt = At(30), ServedSince = At(0) }).Until(At(34));

        Assert.Equal((30, 4, 0, At(34)), (ledger.BeforeSeconds, ledger.SlotSeconds, ledger.DownSeconds, ledger.Until));
    }

    [Fact]
    public void Until_WhileTheStageBeforeTrains_IsAllItsTime() =>
        Assert.Equal(20, (Time with { WaitsForBefore = true }).Until(At(20)).BeforeSeconds);

    [Fact]
    public void Until_WithNoSiloAlive_IsHeld()
    {
        Assert.Equal((0, 0, 20), Split(Time.Until(At(20))));
        Assert.Equal((5, 0, 15), Split((Time with { ServedSince = At(15) }).Until(At(20))));
    }

    [Theory]
    [InlineData(ReleaseCause.Left)]
    [InlineData(ReleaseCause.Evicted)]
    [InlineData(ReleaseCause.Held)]
    [InlineData(ReleaseCause.Error)]
    public void Until_AfterAReleaseWithNoSiloAlive_IsHeldWhateverItsCause(ReleaseCause cause)
    {
        var root = Owned(new StageLedger { Until = At(50), TrainingSeconds = 50 }) with { Owner = null, ReleasedFor = cause };

        Assert.Equal((0, 0, 310), Split((Time with { Root = root }).Until(At(360))));
    }

    [Fact]
    public void Until_OfALostOwnerWithNoSiloAlive_IsDownFromTheNextSilosStartOnly()
    {
        var time = Time with { Root = Owned(new StageLedger { Until = At(100), TrainingSeconds = 100 }) };

        Assert.Equal((0, 0, 260), Split(time.Until(At(360))));
        Assert.Equal((1, 4, 255), Split((time with { ServedSince = At(355), ReadySince = At(359) }).Until(At(360))));
    }

    [Fact]
    public void Until_OfALostOwnersCancelledStage_IsHeld() =>
        Assert.Equal(
            (0, 0, 260),
            Split((Time with { Root = Owned(new StageLedger { Until = At(100) }), ServedSince = At(0), IsHeld = true }).Until(At(360)))
        );

    private static (double Slot, double Down, double Held) Split(StageLedger ledger) =>
        (ledger.SlotSeconds, ledger.DownSeconds, ledger.HeldSeconds);

    [Fact]
    public void Until_AfterALostOwner_LosesWhatItTrainedSinceItsCommitAndCountsTheGapAsDown()
    {
        var committed = new StageLedger
        {
            Until = At(100),
            TrainingSeconds = 90,
            RestoreSeconds = 10,
        };
        var reported = committed with { Until = At(112), TrainingSeconds = 101, StallSeconds = 1 };
        var ledger = (
            Time with
            {
                Root = Owned(committed),
                Progress = Progress(reported, 3),
                ReadySince = At(114),
                ServedSince = At(0),
            }
        ).Until(At(115));

        Assert.Equal((90, 11, 10, 1), (ledger.TrainingSeconds, ledger.LostSeconds, ledger.RestoreSeconds, ledger.StallSeconds));
        Assert.Equal((2, 1), (ledger.DownSeconds, ledger.SlotSeconds));
        Assert.Equal(115, ledger.TotalSeconds);
    }

    [Fact]
    public void Until_WhenTheProgressIsAnOlderOwners_GoesByTheRootAlone()
    {
        var committed = new StageLedger
        {
            Until = At(100),
            TrainingSeconds = 90,
            RestoreSeconds = 10,
        };
        var ledger = (
            Time with
            {
                Root = Owned(committed),
                Progress = Progress(committed with { Until = At(112), TrainingSeconds = 102 }, 2),
                ServedSince = At(0),
            }
        ).Until(At(120));

        Assert.Equal((90, 0, 20), (ledger.TrainingSeconds, ledger.LostSeconds, ledger.DownSeconds));
    }

    [Theory]
    [InlineData(ReleaseCause.Left, 0, 10, 0)]
    [InlineData(ReleaseCause.Evicted, 0, 10, 0)]
    [InlineData(ReleaseCause.Held, 0, 4, 6)]
    [InlineData(ReleaseCause.Error, 10, 0, 0)]
    public void Until_AfterARelease_GoesByItsCause(ReleaseCause cause, double down, double slot, double held)
    {
        var root = Owned(new StageLedger { Until = At(50), TrainingSeconds = 50 }) with { Owner = null, ReleasedFor = cause };
        var ledger = (Time with { Root = root, ReadySince = At(56), ServedSince = At(0) }).Until(At(60));

        Assert.Equal((down, slot, held), (ledger.DownSeconds, ledger.SlotSeconds, ledger.HeldSeconds));
        Assert.Equal(60, ledger.TotalSeconds);
    }

    [Fact]
    public void Until_OfAFailedStage_WaitedForAPersonUntilItCouldBeTaken()
    {
        var root = Owned(new StageLedger { Until = At(50) }) with { Owner = null, Failure = new StageFailure("c", "a", 0, At(50)) };

        Assert.Equal(25, (Time with { Root = root, ReadySince = At(75), ServedSince = At(0) }).Until(At(76)).HeldSeconds);
        Assert.Equal(26, (Time with { Root = root, IsHeld = true }).Until(At(76)).HeldSeconds);
    }

    [Fact]
    public void Spend_OfATimeThatIsOver_ChangesNothing()
    {
        var ledger = new StageLedger { Until = At(10), TrainingSeconds = 10 };

        Assert.Equal(ledger, ledger.Spend(Account.Down, At(5)));
    }

    [Fact]
    public void Earliest_OfSiloAddresses_IsTheOldestOnesStart()
    {
        Assert.Equal(
            new DateTimeOffset(2026, 11, 26, 18, 27, 15, TimeSpan.Zero),
            SiloStart.Earliest(["127.0.0.1:46413@154722500", "127.0.0.1:42191@154722435"])
        );
        Assert.Null(SiloStart.Earliest([]));
        Assert.Null(SiloStart.Of("silo-a"));
    }

    private static DateTimeOffset At(double seconds) => Start.AddSeconds(seconds);

    private static StageRoot Owned(StageLedger ledger) =>
        new()
        {
            EpochToken = 3,
            Owner = new StageOwner("s", "s", ["cpu:0"], Start),
            Ledger = ledger,
        };

    private static StageProgress Progress(StageLedger ledger, long token) =>
        new()
        {
            Stage = "chain0/stage0",
            EpochToken = token,
            Activity = StageActivity.Training,
            Step = 1,
            Steps = 2,
            At = Start,
            Ledger = ledger,
        };
}
