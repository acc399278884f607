using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Reading.Curves;

namespace Slowrun.Client.Results.TensorBoard;

/// <summary>
/// Curves as TensorBoard reads them: under the folder one for each run, and in it one for each stage with a file of events. What is there
/// already is not written again.
/// </summary>
internal sealed class TensorBoardExport(string folder, RunFacts run) : IDisposable
{
    private const string Train = "loss/train",
        Validation = "loss/validation",
        Rate = "learning_rate",
        Tokens = "tokens",
        Seconds = "training_seconds";

    // The recipe's hash keeps curves apart that another run of the same name has left.
    private readonly string fileName = $"events.out.tfevents.slowrun-{CanonicalJson.Sha256(run.Spec.Recipe)[..12]}";

    private readonly Dictionary<StageId, EventFile> files = [];

    /// <summary>Adds the steps that are durable by now and not there yet.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="InvalidRequestException">The stage's folder holds another run's curve, or another program writes it.</exception>
    public int Add(RunFacts facts, DurableCurve curve)
    {
        if (curve.Curve is not { } losses)
        {
            return 0;
        }

        var file = FileOf(curve.Plan.Id);
        var (added, checkpoint) = (0, losses.Checkpoint);
        var (before, seconds) = file.LastOf(Seconds);
        foreach (var step in StepMetrics.Of(facts, curve, ((int)before, seconds)))
        {
            // The newest checkpoint's time is known; time runs back from there as the training did.
            var time = (checkpoint.At - DateTimeOffset.UnixEpoch).TotalSeconds - (checkpoint.TrainingSeconds - step.TrainingSeconds);
            if (step.Step > file.LastOf(Train).Step)
            {
                file.Add(
                    new ScalarEvent(
                        time,
                        step.Step,
                        [
                            (Train, step.TrainLossNats ?? float.NaN),
                            (Rate, (float)step.LearningRate),
                            (Tokens, step.Tokens),
                            (Seconds, (float)step.TrainingSeconds),
                        ]
                    )
                );
                added++;
            }

            if (step.ValLossNats is { } loss && step.Step > file.LastOf(Validation).Step)
            {
                file.Add(new ScalarEvent(time, step.Step, [(Validation, (float)loss)]));
            }
        }

        file.Flush();
        return added;
    }

    public void Dispose() => files.Values.ToList().ForEach(file => file.Dispose());

    private EventFile FileOf(StageId stage)
    {
        if (!files.TryGetValue(stage, out var file))
        {
            var path = Path.Combine(folder, run.Spec.Name, stage.ToString().Replace('/', '-'));
            Directory.CreateDirectory(path);
            var other = Directory.GetFiles(path, "*tfevents*").FirstOrDefault(name => Path.GetFileName(name) != fileName);
            if (other is not null)
            {
                throw new InvalidRequestException(
                    $"'{other}' is another run's curve, which TensorBoard would mix with this one. Name another folder, or remove the file."
                );
            }

            files[stage] = file = new EventFile(Path.Combine(path, fileName));
        }

        return file;
    }
}
