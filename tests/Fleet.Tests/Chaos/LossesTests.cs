using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos;
using Slowrun.Fleet.Chaos.Plans;

namespace Slowrun.Fleet.Tests.Chaos;

public sealed class LossesTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly StageId Stage = new(0, 0);
    private static readonly StageOwner Owner = new("s", "silo1", ["cpu:0"], At);
    private static readonly CarriedOut Notice = new(4, ChaosMode.Notice, "step", "chain0/stage0", 1, null) { NoticeSeconds = 10 };

    private readonly Losses losses = new();

    public LossesTests() =>
        losses.Add(
            4,
            Stage,
            new StageRoot
            {
                EpochToken = 1,
                Owner = Owner,
                LostSteps = 5,
                Preemptions = 2,
            },
            At
        );

    [Fact]
    public void Of_AStageThatWasReleasedAndTrainsAgain_GivesItsRecoveryAndNoLoss()
    {
        losses.Follow(
            Facts(
                new StageRoot
                {
                    EpochToken = 1,
                    LostSteps = 5,
                    Preemptions = 2,
                }
            )
        );
        Assert.Null(losses.Of(Notice).RecoverySeconds);

        losses.Follow(
            Facts(
                new StageRoot
                {
                    EpochToken = 2,
                    Owner = Owner,
                    LostSteps = 5,
                    Preemptions = 2,
                },
                firstStep: At.AddSeconds(3)
            )
        );

        var found = losses.Of(Notice);
        Assert.Equal((3.0, 0L, true), (found.RecoverySeconds, found.LostSteps, found.Released));
        Assert.True(losses.AreTaken(4, Facts(new StageRoot { EpochToken = 2 })));
    }

    [Fact]
    public void Of_AStageThatWasTakenFromItsOwner_CountsWhatWasLost()
    {
        losses.Follow(
            Facts(
                new StageRoot
                {
                    EpochToken = 1,
                    Owner = Owner,
                    LostSteps = 5,
                    Preemptions = 2,
                }
            )
        );
        Assert.False(losses.AreTaken(4, Facts(new StageRoot { EpochToken = 1 })));

        losses.Follow(
            Facts(
                new StageRoot
                {
                    EpochToken = 2,
                    Owner = Owner,
                    LostSteps = 12,
                    Preemptions = 3,
                }
            )
        );
        // Of a later loss.
        losses.Follow(
            Facts(
                new StageRoot
                {
                    EpochToken = 3,
                    Owner = Owner,
                    LostSteps = 40,
                    Preemptions = 4,
                }
            )
        );

        var found = losses.Of(Notice);
        Assert.Equal((null, 7L, false), (found.RecoverySeconds, found.LostSteps, found.Released));
    }

    [Fact]
    public void Of_SeveralStagesLostAtOnce_RecoversWithTheLast()
    {
        var other = new StageId(1, 0);
        losses.Add(4, other, new StageRoot { EpochToken = 1, Owner = Owner }, At);
        var facts = Facts(
            new StageRoot
            {
                EpochToken = 2,
                LostSteps = 6,
                Preemptions = 3,
            },
            firstStep: At.AddSeconds(2)
        );
        facts = facts with
        {
            Roots = new Dictionary<StageId, StageRoot>(facts.Roots)
            {
                [other] = new StageRoot { EpochToken = 1, Owner = Owner },
            },
        };
        losses.Follow(facts);
        Assert.Null(losses.Of(Notice).RecoverySeconds);

        losses.Follow(
            facts with
            {
                Roots = new Dictionary<StageId, StageRoot>(facts.Roots)
                {
                    [other] = new StageRoot
                    {
                        EpochToken = 2,
                        LostSteps = 3,
                        Preemptions = 1,
                    },
                },
                Progress = new Dictionary<StageId, StageProgress>(facts.Progress) { [other] = Progress(other, At.AddSeconds(8)) },
            }
        );

        var found = losses.Of(Notice);
        Assert.Equal((8.0, 4L), (found.RecoverySeconds, found.LostSteps));
    }

    private static RunFacts Facts(StageRoot root, DateTimeOffset? firstStep = null) =>
        new(SpecReader.FromPreset("tiny"))
        {
            Roots = new Dictionary<StageId, StageRoot> { [Stage] = root },
            Progress = new Dictionary<StageId, StageProgress>
            {
                [Stage] = Progress(Stage, firstStep) with { EpochToken = root.EpochToken },
            },
        };

    private static StageProgress Progress(StageId stage, DateTimeOffset? firstStep) =>
        new()
        {
            Stage = stage.ToString(),
            EpochToken = 2,
            Activity = StageActivity.Training,
            Step = 3,
            Steps = 10,
            FirstStepAt = firstStep,
            At = At,
        };
}
