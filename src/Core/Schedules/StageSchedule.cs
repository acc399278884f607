using Slowrun.Core.Recipes;

namespace Slowrun.Core.Schedules;

/// <summary>A stage's optimizer schedule: what an <see cref="OptimizerRecipe"/> says of each step, with no state.</summary>
/// <param name="steps">Optimizer steps of the stage.</param>
/// <param name="dataEpochs">Passes over the training set in these steps.</param>
public sealed class StageSchedule(OptimizerRecipe recipe, int steps, double dataEpochs)
{
    public int Steps => steps;

    /// <param name="step">From 0; <see cref="Steps"/> is the end, where nothing is trained any more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The stage has no such step.</exception>
    public ScheduleValues At(int step)
    {
        var learningRate = LearningRate(step);
        return new ScheduleValues(learningRate, Momentum(step), WeightDecay(step, learningRate));
    }

    private double LearningRate(int step)
    {
        var shape = recipe.LearningRate;
        if (shape.Shape == LearningRateShape.Cycle)
        {
            return LearningRates.Cycle(step, steps, shape.Warmup, recipe.Warmdown, shape.Floor);
        }

        var trapezoid = LearningRates.Trapezoid(step, steps, recipe.Warmdown, shape.WarmdownPower);
        return LearningRates.AveragedEpochs(trapezoid, step, steps, dataEpochs, shape.AveragedEpochs, shape.AveragedFloor);
    }

    private double Momentum(int step) =>
        recipe.Momentum.WarmupSteps == 0
            ? recipe.Momentum.End
            : recipe.Momentum.Start
                + ((recipe.Momentum.End - recipe.Momentum.Start) * Math.Min((double)step / recipe.Momentum.WarmupSteps, 1));

    private double WeightDecay(int step, double learningRate)
    {
        var shape = recipe.Decay;
        return shape.Shape switch
        {
            WeightDecayShape.Constant => 1,
            WeightDecayShape.InverseToLearningRate => WeightDecays.InverseToLearningRate(
                learningRate,
                recipe.LearningRate.Floor,
                shape.Floor
            ),
            WeightDecayShape.Sawtooth => WeightDecays.Sawtooth(
                step,
                steps,
                dataEpochs,
                recipe.LearningRate.AveragedEpochs,
                shape.Hold,
                shape.Floor,
                shape.Peak
            ),
            WeightDecayShape.Piecewise => WeightDecays.Piecewise(
                step,
                [.. shape.Points.Select(point => (point.Epoch is { } epoch ? (double)EpochEnd(epoch) : steps, point.Factor))]
            ),
            _ => throw new InvalidOperationException($"No weight decay shape '{shape.Shape}'."),
        };
    }

    // The sliver keeps an epoch that ends on a whole step from being rounded to the step before it.
    private int EpochEnd(double epoch) => (int)((epoch * steps / dataEpochs) + 1e-9);
}
