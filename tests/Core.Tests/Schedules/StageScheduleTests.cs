using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Core.Tests.Schedules;

public sealed class StageScheduleTests
{
    // Upstream's go on below 0 there, and under a root have no real value.
    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public void At_OutsideTheStage_Throws(int step)
    {
        var recipe = new OptimizerRecipe { LearningRate = new() { WarmdownPower = 0.5 } };

        Assert.Throws<ArgumentOutOfRangeException>(() => new StageSchedule(recipe, 100, 2).At(step));
    }

    [Theory]
    [InlineData(LearningRateShape.Trapezoid, WeightDecayShape.Sawtooth, 1)]
    [InlineData(LearningRateShape.Trapezoid, WeightDecayShape.Piecewise, 100)]
    [InlineData(LearningRateShape.Cycle, WeightDecayShape.InverseToLearningRate, 3)]
    [InlineData(LearningRateShape.Cycle, WeightDecayShape.Constant, 1)]
    public void At_OfEveryStep_IsFiniteAndNotNegative(LearningRateShape rate, WeightDecayShape decay, int steps)
    {
        var recipe = new OptimizerRecipe
        {
            LearningRate = new()
            {
                Shape = rate,
                WarmdownPower = 0.5,
                AveragedEpochs = 1,
            },
            Decay = new() { Shape = decay, Points = [new(0.5, 1), new(0.5, 0.2), new(null, 0.7)] },
        };
        var schedule = new StageSchedule(recipe, steps, dataEpochs: 3);

        Assert.All(
            Enumerable.Range(0, steps),
            step =>
            {
                var values = schedule.At(step);
                Assert.True(double.IsFinite(values.LearningRate) && values.LearningRate >= 0, $"{values}");
                Assert.True(double.IsFinite(values.WeightDecay) && values.WeightDecay >= 0, $"{values}");
                Assert.InRange(values.Momentum, 0.85, 0.95);
            }
        );
    }

    [Fact]
    public void At_WithoutMomentumWarmup_HasTheEndFromTheFirstStep() =>
        Assert.Equal(0.95, new StageSchedule(new OptimizerRecipe { Momentum = new() { WarmupSteps = 0 } }, 10, 1).At(0).Momentum);

    // Upstream's tables: two passes of 381.3 and eight of 1525.3 steps in 2,860 steps of 15 passes.
    [Theory]
    [InlineData(381, 1)]
    [InlineData(1525, 0.125)]
    [InlineData(2860, 1.1625)]
    public void At_OfAPiecewiseDecay_PutsEachPointOnAWholeStep(int step, double factor)
    {
        var recipe = new OptimizerRecipe
        {
            Decay = new() { Shape = WeightDecayShape.Piecewise, Points = [new(2, 1), new(8, 0.125), new(null, 1.1625)] },
        };

        Assert.Equal(factor, new StageSchedule(recipe, 2860, 15).At(step).WeightDecay, 1e-12);
    }
}
