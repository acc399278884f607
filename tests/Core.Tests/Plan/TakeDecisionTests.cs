using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Plan;

/// <summary>What speaks against taking a stage, document by document.</summary>
public sealed class TakeDecisionTests
{
    private static readonly SnapshotRef Snapshot = new("s", new string('a', 64), 1, DateTimeOffset.UnixEpoch);
    private static readonly StageRoot Finished = new() { EpochToken = 1, Snapshot = Snapshot };
    private static readonly StagePlan Plan = new RunPlan(SpecReader.FromPreset("micro").Recipe).Stages[0] with
    {
        Id = new StageId(0, 1),
        Teacher = null,
        Predecessor = null,
    };

    [Theory]
    [InlineData(false, false, null)]
    [InlineData(false, true, "other has it.")]
    [InlineData(true, false, "It has finished.")]
    [InlineData(true, true, "It has finished.")]
    public void RefusalOfRoot_IsItsEndOrItsLivingOwner(bool finished, bool lives, string? refusal) =>
        Assert.Equal(refusal, TakeDecision.RefusalOfRoot(finished ? Finished : new StageRoot(), lives ? Owner("there") : null));

    [Fact]
    public void RefusalOfRoot_WhereThereIsNone_IsNone() => Assert.Null(TakeDecision.RefusalOfRoot(root: null, living: null));

    [Theory]
    [InlineData(null, false)]
    [InlineData("here", false)]
    [InlineData("there", true)]
    public void OwnerToAskFor_IsOneOnAnotherSilo(string? silo, bool asks)
    {
        var owner = silo is null ? null : Owner(silo);

        Assert.Equal(asks ? owner : null, TakeDecision.OwnerToAskFor(owner, "here"));
    }

    [Theory]
    [InlineData(false, false, null)]
    [InlineData(true, true, null)]
    [InlineData(true, false, "It waits for its teacher, chain0/stage0.")]
    public void RefusalOfTeachers_IsThatOneHasNoSnapshot(bool isTaught, bool hasSnapshot, string? refusal) =>
        Assert.Equal(
            refusal,
            TakeDecision.RefusalOfTeachers(
                Plan with
                {
                    Teacher = isTaught ? new StageId(0, 0) : null,
                },
                isTaught ? [hasSnapshot ? Snapshot : null] : []
            )
        );

    [Theory]
    [InlineData(true, true, null)]
    [InlineData(false, true, "It waits for its teacher, chain0/stage0.")]
    [InlineData(true, false, "It waits for its teacher, chain0/stage1.")]
    public void RefusalOfTeachers_OfTheMeanOfAllEarlier_IsTheFirstThatHasNoSnapshot(bool first, bool second, string? refusal)
    {
        var earlier = new[] { 0, 1 }.Select(stage => EarlierModel.Of(new StageId(0, stage), Plan.Stage)).ToList();

        Assert.Equal(
            refusal,
            TakeDecision.RefusalOfTeachers(Plan with { EarlierTeachers = earlier }, [first ? Snapshot : null, second ? Snapshot : null])
        );
    }

    [Theory]
    [InlineData(false, "none", null)]
    [InlineData(true, "finished", null)]
    [InlineData(true, "unfinished", "It waits for the stage it continues, chain0/stage0.")]
    [InlineData(true, "none", "It waits for the stage it continues, chain0/stage0.")]
    public void RefusalOfPredecessor_IsThatItHasNotFinished(bool continues, string root, string? refusal) =>
        Assert.Equal(
            refusal,
            TakeDecision.RefusalOfPredecessor(
                Plan with
                {
                    Predecessor = continues ? new StageId(0, 0) : null,
                },
                root switch
                {
                    "finished" => Finished,
                    "unfinished" => new StageRoot { EpochToken = 1 },
                    _ => null,
                }
            )
        );

    [Theory]
    [InlineData(DesiredState.Running, null, null)]
    [InlineData(DesiredState.Paused, null, "The user paused or cancelled it.")]
    [InlineData(DesiredState.Cancelled, DesiredState.Running, "The user paused or cancelled it.")]
    [InlineData(DesiredState.Paused, DesiredState.Running, null)]
    [InlineData(DesiredState.Running, DesiredState.Paused, "The user paused or cancelled it.")]
    public void RefusalOfIntent_IsAnythingButRunning(DesiredState run, DesiredState? stage, string? refusal)
    {
        var intent = new RunIntent { Run = run };
        intent = stage is { } state ? intent with { Stages = new Dictionary<string, DesiredState> { ["chain0/stage1"] = state } } : intent;

        Assert.Equal(refusal, TakeDecision.RefusalOfIntent(Plan, intent));
    }

    private static StageOwner Owner(string silo) => new(silo, "other", ["cpu:0"], DateTimeOffset.UnixEpoch);
}
