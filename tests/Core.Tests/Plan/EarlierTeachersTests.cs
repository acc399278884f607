using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Plan;

/// <summary>A stage that the mean of all earlier models of its chain teaches: who they are, how each is passed, and when it is
/// ready.</summary>
public sealed class EarlierTeachersTests
{
    private const string Last = "chain0/stage2";

    private static readonly string[] Set =
    [
        "chains=[{stages: 3, firstStage: {loop: null}}, {stages: 2, role: Baseline, stage: {distillation: null}}]",
        "stage.distillation={teacher: AllEarlier, temperature: 1.5}",
    ];

    [Fact]
    public void Plan_OfSuchAChain_GivesEachStageAllBeforeItAndNoOthers()
    {
        var stages = Plan().Stages;

        Assert.Equal([0, 1, 2, 0, 0], stages.Select(stage => stage.TeacherModels));
        Assert.Equal([new StageId(0, 0), new StageId(0, 1)], stages[2].TeacherStages);
        Assert.All(stages, stage => Assert.Null(stage.Teacher));
        Assert.All(stages, stage => Assert.Null(stage.TeacherEnsemble));
    }

    [Fact]
    public void Plan_FromALaterStageOn_IsTaughtByTheFirstModelsToo()
    {
        var stages = Plan("stage.distillation.fromStage=2").Stages;

        Assert.Equal([0, 0, 2], stages.Take(3).Select(stage => stage.TeacherModels));
    }

    [Theory]
    [InlineData("stage.distillation.teacher=null")]
    [InlineData("stage.distillation.teacher=Previous")]
    public void Plan_OfTheOneBefore_IsTaughtByItAlone(string set)
    {
        var stages = Plan(set).Stages;

        Assert.Equal([null, new StageId(0, 0), new StageId(0, 1)], stages.Take(3).Select(stage => stage.Teacher));
        Assert.All(stages, stage => Assert.Empty(stage.EarlierTeachers));
    }

    /// <summary>Each as it was trained, with the same share: the mean of models, not of snapshots' tensors.</summary>
    [Fact]
    public void TaughtBy_OfTheirSnapshots_IsAnEnsembleOfThemInTheirOrder()
    {
        var stage = Plan("stage.selection.lateCheckpoints=2").Stages[2];

        var teacher = stage.TaughtBy("run", ["first", "second"]).TeacherEnsemble!;

        Assert.Equal(("run", EnsembleAverage.Probabilities, stage.Model), (teacher.Run, teacher.Average, teacher.Model));
        Assert.Equal(["first", "second"], teacher.Members.Select(member => member.Sha256));
        Assert.Equal([0.5, 0.5], teacher.Members.Select(member => member.Weight));
        Assert.Equal([2, 2], teacher.Members.Select(member => member.Models));
        Assert.Equal([null, stage.Stage.Loop], teacher.Members.Select(member => member.Loop));
    }

    [Fact]
    public void TaughtBy_WhereTheEnsembleAveragesLogits_AveragesThemToo() =>
        Assert.Equal(
            EnsembleAverage.Logits,
            Plan("ensemble.average=Logits").Stages[2].TaughtBy("run", ["first", "second"]).TeacherEnsemble!.Average
        );

    [Fact]
    public void ToTrain_OfTheLastStage_WaitsForEveryOneOfThem()
    {
        var run = new RunFactsExample { Set = Set }.Finished("chain0/stage0", "chain0/stage1");
        Assert.Contains(RunFactsExample.Id(Last), Readiness.ToTrain(run.Facts));

        // Its root was lost: the snapshot that taught is unknown.
        run.DamagedRoot("chain0/stage0");

        Assert.Equal(StageState.Waiting, Readiness.StateOf(run.Facts, RunFactsExample.Id(Last)));
        Assert.DoesNotContain(RunFactsExample.Id(Last), Readiness.ToTrain(run.Facts));
    }

    private static RunPlan Plan(params string[] set) =>
        new(SpecReader.FromPreset("tiny", new SpecOverrides { Set = [.. Set, .. set] }).Recipe);
}
