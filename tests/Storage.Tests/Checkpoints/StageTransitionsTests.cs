using Slowrun.Core;
using Slowrun.Core.Ledger;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class StageTransitionsTests
{
    private static readonly StageFailure Failure = new("It diverged.", "Lower the rate.", 1, DateTimeOffset.UnixEpoch);

    private static StageRoot Taken() => StageTransitions.Take(null, Request("a"));

    [Fact]
    public void Take_TheFirst_HasTokenOneAndIsNoPreemption()
    {
        var root = Taken();

        Assert.Equal((1L, 0, 6), (root.EpochToken, root.Preemptions, root.Steps));
        Assert.Equal("a", root.Owner!.SiloName);
        Assert.Equal(Identity(), root.Identity);
    }

    [Fact]
    public void Take_FromAnOwnerWhoDidNotRelease_CountsAPreemptionAndTheStepsLost()
    {
        var root = StageTransitions.Take(Taken(), Request("b") with { LostSteps = 7 });

        Assert.Equal((2L, 1, 7L, "b"), (root.EpochToken, root.Preemptions, root.LostSteps, root.Owner!.SiloName));
    }

    [Fact]
    public void Take_AfterARelease_IsNoPreemption() =>
        Assert.Equal(0, StageTransitions.Take(StageTransitions.Release(Taken(), 1, ReleaseCause.Left), Request("b")).Preemptions);

    [Fact]
    public void Take_OfAnotherIdentity_ShowsBothAndSaysWhetherTheDeviceWouldDo()
    {
        var device = Assert.Throws<StageIdentityException>(() =>
            StageTransitions.Take(Taken(), Request("b") with { Identity = Identity("f2") })
        );
        var recipe = Assert.Throws<StageIdentityException>(() =>
            StageTransitions.Take(Taken(), Request("b") with { Identity = Identity() with { RecipeSha256 = "x" }, Adoptions = 1 })
        );

        Assert.True(device.OnlyFingerprint);
        Assert.False(recipe.OnlyFingerprint);
        Assert.Contains("f1", device.Message, StringComparison.Ordinal);
        Assert.Contains("f2", device.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Take_AdoptingTheDevice_TakesItsFingerprint() =>
        Assert.Equal(
            "f2",
            StageTransitions.Take(Taken(), Request("b") with { Identity = Identity("f2"), Adoptions = 1 }).Identity!.NumericsFingerprint
        );

    [Fact]
    public void Take_OfAFailedStage_NeedsANewerRetry()
    {
        var failed = StageTransitions.Fail(Taken() with { FailedTakes = 3 }, 1, Failure);

        Assert.Throws<InvalidOperationException>(() => StageTransitions.Take(failed, Request("b") with { Retry = 1 }));
        var root = StageTransitions.Take(failed, Request("b") with { Retry = 2 });
        Assert.Equal((null, 0), (root.Failure, root.FailedTakes));
    }

    [Fact]
    public void Commit_ShiftsTheCurrentToThePrevious()
    {
        var root = StageTransitions.Commit(
            StageTransitions.Commit(Taken() with { FailedTakes = 2 }, 1, Ref(2), new()),
            1,
            Ref(4),
            new() { Checkpoints = 2 }
        );

        Assert.Equal((Ref(4), Ref(2), 0, 2), (root.Current, root.Previous, root.FailedTakes, root.Ledger.Checkpoints));
    }

    [Fact]
    public void Commit_OfTheSameAgain_KeepsThePrevious()
    {
        var root = StageTransitions.Commit(StageTransitions.Commit(Taken(), 1, Ref(2), new()), 1, Ref(4), new());

        Assert.Equal(Ref(2), StageTransitions.Commit(root, 1, Ref(4), new()).Previous);
    }

    [Fact]
    public void Commit_OfAnOlderStep_Throws()
    {
        var root = StageTransitions.Commit(Taken(), 1, Ref(4), new());

        Assert.Throws<InvalidOperationException>(() => StageTransitions.Commit(root, 1, Ref(3), new()));
    }

    [Fact]
    public void AnyOwnersTransition_WithAnOlderToken_IsFenced()
    {
        var root = StageTransitions.Take(Taken(), Request("b"));

        Assert.Equal(2, Assert.Throws<FencedException>(() => StageTransitions.Commit(root, 1, Ref(2), new())).NewerEpochToken);
        Assert.Throws<FencedException>(() => StageTransitions.FallBack(root, 1, null));
        Assert.Throws<FencedException>(() => StageTransitions.Release(root, 1, ReleaseCause.Left));
        Assert.Throws<FencedException>(() => StageTransitions.Release(root, 1, ReleaseCause.Left, last: Ref(2)));
        Assert.Throws<FencedException>(() => StageTransitions.Finish(root, 1, Ref(6), Snapshot(), new()));
        Assert.Throws<FencedException>(() => StageTransitions.Fail(root, 1, Failure));
    }

    [Fact]
    public void Commit_AfterTheRelease_Throws() =>
        Assert.Throws<InvalidOperationException>(() =>
            StageTransitions.Commit(StageTransitions.Release(Taken(), 1, ReleaseCause.Left), 1, Ref(2), new())
        );

    [Fact]
    public void Release_WithAnError_CountsAFailedTakeOnce()
    {
        var released = StageTransitions.Release(Taken(), 1, ReleaseCause.Error);

        Assert.Equal((1, null), (released.FailedTakes, released.Owner));
        Assert.Same(released, StageTransitions.Release(released, 1, ReleaseCause.Error));
    }

    [Fact]
    public void Release_WithALastCheckpoint_IsACommitAndAReleaseAtOnce()
    {
        var root = StageTransitions.Commit(Taken(), 1, Ref(2), new()) with { FailedTakes = 1, LostTakes = 1 };
        var spent = new StageLedger { TrainingSeconds = 4 };

        var last = Ref(4) with { TrainingSeconds = 4 };

        var released = StageTransitions.Release(root, 1, ReleaseCause.Evicted, step: 5, spent, last);

        var apart = StageTransitions.Release(StageTransitions.Commit(root, 1, last, spent), 1, ReleaseCause.Evicted, 5, spent);
        // As documents: two lists of the same silos are not equal.
        Assert.Equal(CanonicalJson.Serialize(apart), CanonicalJson.Serialize(released));
        Assert.Equal((null, last, Ref(2), 0), (released.Owner, released.Current, released.Previous, released.FailedTakes));
        Assert.Equal(
            (1L, 4, 0, 2),
            (released.LostSteps, released.Ledger.TrainingSeconds, released.Ledger.LostSeconds, released.Ledger.Checkpoints)
        );
        Assert.Same(released, StageTransitions.Release(released, 1, ReleaseCause.Evicted, 5, spent, last));
        Assert.Throws<InvalidOperationException>(() => StageTransitions.Release(root, 1, ReleaseCause.Left, last: Ref(1)));
    }

    [Fact]
    public void Release_OfARootThatHasALaterCommitThanItsOwnerKnew_LosesOnlyWhatThatLacks()
    {
        // The answer to the commit of step 4 was lost, and with it that 40 s count.
        var ledger = new StageLedger { TrainingSeconds = 40 };
        var root = StageTransitions.Commit(Taken(), 1, Ref(4) with { TrainingSeconds = 40 }, ledger);

        var released = StageTransitions.Release(root, 1, ReleaseCause.Evicted, step: 5, ledger with { TrainingSeconds = 50 });

        Assert.Equal((1L, 40, 10), (released.LostSteps, released.Ledger.TrainingSeconds, released.Ledger.LostSeconds));
        var failed = StageTransitions.Fail(root, 1, Failure, step: 5, ledger with { TrainingSeconds = 50 });
        Assert.Equal((1L, 40, 10), (failed.LostSteps, failed.Ledger.TrainingSeconds, failed.Ledger.LostSeconds));
    }

    [Fact]
    public void Recover_OfACheckpointWhoseOwnerHasBookedItAsLost_BooksItBack()
    {
        var root = StageTransitions.Commit(Taken(), 1, Ref(2) with { TrainingSeconds = 20 }, new StageLedger { TrainingSeconds = 20 });
        // Three steps in 30 s after it, of which no checkpoint counted.
        var spent = new StageLedger { TrainingSeconds = 50, StallSeconds = 5 };
        var released = StageTransitions.Release(root, 1, ReleaseCause.Error, step: 5, spent);
        Assert.Equal((3L, 20, 30), (released.LostSteps, released.Ledger.TrainingSeconds, released.Ledger.LostSeconds));

        var recovered = StageTransitions.Recover(released, null, [Ref(4)], 1, Told(5, spent));

        Assert.Equal((1L, 4, 0), (recovered.LostSteps, recovered.DurableStep, recovered.FailedTakes));
        Assert.Equal((40, 10, 55), (recovered.Ledger.TrainingSeconds, recovered.Ledger.LostSeconds, recovered.Ledger.TotalSeconds));
        Assert.Equal(40, recovered.Current!.TrainingSeconds);
    }

    [Fact]
    public void Recover_OfACheckpointOfALostOwner_TellsHowMuchTrainingLedToIt()
    {
        var ledger = new StageLedger { TrainingSeconds = 20, Until = DateTimeOffset.UnixEpoch };
        var root = StageTransitions.Commit(Taken() with { LostTakes = 2 }, 1, Ref(2) with { TrainingSeconds = 20 }, ledger);
        var told = Told(5, ledger with { TrainingSeconds = 50, Until = DateTimeOffset.UnixEpoch.AddSeconds(30) });

        var recovered = StageTransitions.Recover(root, null, [Ref(4)], 1, told);

        Assert.Equal((40, 20, 0), (recovered.KeptSeconds, recovered.Ledger.TrainingSeconds, recovered.LostTakes));
        var unowned = new UnownedTime
        {
            Root = recovered,
            Progress = told,
            SubmittedAt = DateTimeOffset.UnixEpoch,
        };
        var seen = unowned.LastSeen(recovered, recovered.Ledger);
        Assert.Equal((40, 10, 1L), (seen.TrainingSeconds, seen.LostSeconds, unowned.LostSteps));
        // Of another owner's report, or without one, nothing is known.
        Assert.Equal(20, StageTransitions.Recover(root, null, [Ref(4)], 1, told with { EpochToken = 2 }).KeptSeconds);
        Assert.Equal(20, StageTransitions.Recover(root, null, [Ref(4)], 1).KeptSeconds);
    }

    private static StageProgress Told(int step, StageLedger ledger) =>
        new()
        {
            Stage = Stage.ToString(),
            EpochToken = 1,
            Activity = StageActivity.Training,
            Step = step,
            Steps = 6,
            At = DateTimeOffset.UnixEpoch,
            Ledger = ledger,
        };

    [Fact]
    public void Finish_AtTheLastStep_SetsEverythingAtOnce()
    {
        var root = StageTransitions.Finish(Taken(), 1, Ref(6), Snapshot(), new());

        Assert.Equal((true, null, 6), (root.Finished, root.Owner, root.DurableStep));
        Assert.Same(root, StageTransitions.Finish(root, 1, Ref(6), Snapshot(), new()));
        Assert.Throws<InvalidOperationException>(() => StageTransitions.Take(root, Request("b")));
    }

    [Fact]
    public void Finish_BeforeTheLastStep_Throws() =>
        Assert.Throws<InvalidOperationException>(() => StageTransitions.Finish(Taken(), 1, Ref(5), Snapshot(), new()));

    [Fact]
    public void FallBack_ToThePrevious_ForgetsTheDamagedOne()
    {
        var root = StageTransitions.Commit(StageTransitions.Commit(Taken(), 1, Ref(2), new()), 1, Ref(4), new());

        var fallen = StageTransitions.FallBack(root, 1, Ref(2));
        Assert.Equal((Ref(2), null), (fallen.Current, fallen.Previous));
        Assert.Equal(0, StageTransitions.FallBack(root, 1, null).DurableStep);
        Assert.Throws<InvalidOperationException>(() => StageTransitions.FallBack(root, 1, Ref(3)));
    }
}
