using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Distillation;
using TorchSharp;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage that cannot begin keeps nothing: its workers' threads would hold all of its memory for as long as the process
/// lives.</summary>
public sealed class UnfinishedStageTests
{
    [Fact]
    public void Begin_WhenItsPredecessorsStateIsNotWhole_GivesBackWhatItHas()
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe with { Continuation = new ContinuationRecipe() });
        inputs = inputs with { Plan = inputs.Plan with { Id = new StageId(0, 1), Predecessor = new StageId(0, 0) }, Predecessor = [] };

        AssertGivesBack(() => StageTraining.Begin(inputs, SmallStage.Cpus(2)));
    }

    [Fact]
    public void Begin_WhenAMemberThatTeachesIsNotWhole_GivesBackWhatItHas()
    {
        var inputs = SmallEnsemble.Inputs();
        inputs = inputs with { TeacherMembers = [.. inputs.TeacherMembers!.SkipLast(1), []] };

        AssertGivesBack(() => StageTraining.Begin(inputs, SmallStage.Cpus(2)));
    }

    private static void AssertGivesBack(Func<IDisposable> begin)
    {
        var statistics = DisposeScopeManager.Statistics;
        var before = statistics.ThreadTotalLiveCount;

        Assert.Throws<InvalidDataException>(() => begin().Dispose());

        Assert.Equal(before, statistics.ThreadTotalLiveCount);
    }
}
