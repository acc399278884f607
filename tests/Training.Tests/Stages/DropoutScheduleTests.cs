using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage whose dropout changes: its steps have the schedule's probability on both paths, and it resumes as exactly as any
/// other.</summary>
public sealed class DropoutScheduleTests
{
    private static readonly StageRecipe Rising = SmallStage.Recipe with
    {
        DropoutSchedule = new() { End = 0.6, FromEpoch = 2 },
    };

    [Fact]
    public void Training_WithAScheduleThatChangesNothing_EndsWithTheBytesOfNone()
    {
        var still = SmallStage.Recipe with
        {
            DropoutSchedule = new() { End = SmallStage.Recipe.Dropout, FromEpoch = 1 },
        };

        SmallStage.AssertSame(Trained(SmallStage.Recipe), Trained(still));
    }

    [Theory]
    [InlineData("Composed")]
    [InlineData("Fused")]
    public void Training_WithRisingDropout_DiffersFromTheThirdStepOfItsLineOn(string name)
    {
        var path = Enum.Parse<StepPath>(name);
        using var plain = Begin(SmallStage.Recipe, path);
        using var rising = Begin(Rising, path);
        // The second data epoch begins with step 3. The line begins there with the value of before, and a step has that of the one before.
        Assert.Equal(6, rising.Steps);

        SmallStage.AssertSame(SmallStage.Run(plain, until: 5), SmallStage.Run(rising, until: 5));
        Assert.False(SmallStage.Same(SmallStage.Run(plain), SmallStage.Run(rising)));
    }

    /// <summary>Two implementations of one function: the same loss at every step, to what rounding grows to in six of them.</summary>
    [Fact]
    public void Training_OnBothPaths_HasTheSameLosses()
    {
        var recipe = SmallStage.Recipe with
        {
            DropoutSchedule = new() { End = 0.6, FromEpoch = 1 },
        };
        using var composed = Begin(recipe, StepPath.Composed);
        using var fused = Begin(recipe, StepPath.Fused);
        while (composed.Step < composed.Steps)
        {
            var stop = TestContext.Current.CancellationToken;
            Assert.Equal(composed.RunStep(stop).LossNats, fused.RunStep(stop).LossNats, 1e-3);
        }
    }

    [Fact]
    public void Resume_AtEveryStep_TakesTheSameNextStep()
    {
        using var undisturbed = Begin(Rising, path: null);
        var state = SmallStage.Captured(undisturbed);
        while (undisturbed.Step < undisturbed.Steps)
        {
            using var resumed = StageTraining.Resume(SmallStage.Inputs(Rising), SmallStage.Cpus(1), state);
            SmallStage.Run(resumed, until: resumed.Step + 1);
            state = SmallStage.Run(undisturbed, until: undisturbed.Step + 1);
            SmallStage.AssertSame(state, SmallStage.Captured(resumed));
        }
    }

    private static IReadOnlyList<Core.Tensors.TensorData> Trained(StageRecipe recipe)
    {
        using var training = Begin(recipe, path: null);
        return SmallStage.Run(training);
    }

    private static StageTraining Begin(StageRecipe recipe, StepPath? path) =>
        StageTraining.Begin(SmallStage.Inputs(recipe), SmallStage.Cpus(1), replicate: false, path);
}
