using System.Text.Json.Serialization;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Core.Stages;
using Slowrun.Reading.Curves;

namespace Slowrun.Client.Results;

/// <summary>What is known of a durable step.</summary>
/// <param name="Step">From 1.</param>
/// <param name="Tokens">Trained on in the stage, up to and with this step.</param>
/// <param name="DataEpoch">How often the training set has been passed over.</param>
/// <param name="LearningRateFactor">What the schedule multiplies every learning rate of the recipe by.</param>
/// <param name="ValLossNats">Of the snapshot, at the stage's last step.</param>
/// <param name="LearningRate">Of the matrices; all others are in proportion.</param>
/// <param name="TrainingSeconds">
/// Training that led to it, what was lost not counted: known at the two newest checkpoints, and even between what is known.
/// </param>
internal sealed record StepMetrics(
    string Stage,
    int Step,
    long Tokens,
    double DataEpoch,
    float? TrainLossNats,
    double LearningRateFactor,
    double? ValLossNats,
    double LearningRate,
    double TrainingSeconds
)
{
    public static IEnumerable<string> Fields =>
        ["stage", "step", "tokens", "dataEpoch", "trainLossNats", "learningRateFactor", "valLossNats", "learningRate", "trainingSeconds"];

    [JsonIgnore]
    public IEnumerable<object?> Values =>
        [Stage, Step, Tokens, DataEpoch, TrainLossNats, LearningRateFactor, ValLossNats, LearningRate, TrainingSeconds];

    /// <param name="known">A further step whose training seconds are known.</param>
    public static IEnumerable<StepMetrics> Of(RunFacts facts, DurableCurve curve, (int Step, double Seconds) known = default)
    {
        if (curve.Curve is not { } losses)
        {
            yield break;
        }

        var seconds = new KnownSeconds(
            [known, .. curve.Root.Previous is { } previous ? [Known(previous)] : Array.Empty<(int, double)>(), Known(losses.Checkpoint)]
        );
        var (stage, total) = (curve.Plan.Stage, Math.Max(curve.Root.Steps, losses.LossNats.Count));
        var schedule = new StageSchedule(stage.Optimizer, total, stage.Epochs);
        var rate = stage.Optimizer.MatrixLearningRate * stage.Optimizer.LearningRateMultiplier;
        foreach (var (index, loss) in losses.LossNats.Index())
        {
            var factor = schedule.At(index).LearningRate;
            yield return new StepMetrics(
                curve.Plan.Id.ToString(),
                index + 1,
                (index + 1L) * stage.BatchTokens,
                stage.Epochs * (index + 1) / total,
                // Neither CSV nor JSON can express a value that is not finite.
                float.IsFinite(loss)
                    ? loss
                    : null,
                factor,
                index + 1 == total ? facts.ScoreOf(curve.Plan.Id)?.LossNats : null,
                rate * factor,
                seconds.At(index + 1)
            );
        }
    }

    private static (int, double) Known(CheckpointRef checkpoint) => (checkpoint.Step, checkpoint.TrainingSeconds);

    /// <summary>A line through the points.</summary>
    private sealed class KnownSeconds(IEnumerable<(int Step, double Seconds)> known)
    {
        private readonly List<(int Step, double Seconds)> points =
        [
            .. known
                .Where(point => point.Step > 0)
                .Append((Step: 0, Seconds: 0.0))
                .DistinctBy(point => point.Step)
                .OrderBy(point => point.Step),
        ];

        public double At(int step)
        {
            var after = points.FindIndex(point => point.Step >= step);
            var ((from, begin), (to, end)) = (points[after - 1], points[after]);
            return begin + ((end - begin) * (step - from) / (to - from));
        }
    }
}
