using Slowrun.Core.Explain;
using Slowrun.Core.Recipes;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>What is said of a checkpoint without a model is what the engine captures.</summary>
public sealed class StateTensorsTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void All_OfARandomStage_AreTheEnginesOwn(int seed) => Check(RandomStage.Of(seed));

    [Fact]
    public void All_OfAStageKeptAtItsBest_AreTheEnginesOwn() =>
        Check(
            SmallStage.Inputs(
                SmallStage.Recipe with
                {
                    Selection = new SelectionRecipe
                    {
                        Rule = SelectionRule.BestValidation,
                        Ema = new EmaRecipe(),
                        Swa = new SwaRecipe(),
                    },
                }
            )
        );

    [Fact]
    public void All_OfAStageThatGrows_AreTheEnginesOwn() => Check(SmallStage.Inputs(DepthScheduleTests.Growing, DepthScheduleTests.Model));

    private static void Check(StageInputs inputs)
    {
        using var training = StageTraining.Begin(inputs, SmallStage.Cpus(1));

        var explained = new StateTensors(inputs.Plan, training.Steps).All;

        Assert.Equal(
            training.StateLayout.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape))),
            explained.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape)))
        );
    }
}
