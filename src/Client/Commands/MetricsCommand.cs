using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Reading.Curves;

namespace Slowrun.Client.Commands;

/// <summary><c>metrics RUN</c>: every step's training loss, as far as it is durable, for other programs to draw and compare.</summary>
internal static class MetricsCommand
{
    private const string JsonLines = "jsonl",
        CommaSeparated = "csv";

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = new Option<string>("--output", "-o")
        {
            Description = "csv: with a line of titles. jsonl: an object a line.",
            HelpName = "csv|jsonl",
            DefaultValueFactory = _ => CommaSeparated,
        };
        output.AcceptOnlyFromAmong(CommaSeparated, JsonLines);
        var command = new Command(
            "metrics",
            "Prints a row for each step that is durable: stage, step, training loss, and at a stage's end its validation loss."
        )
        {
            target,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var named = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var (store, whom, _) = named;
                var facts = await named.FactsAsync(stop);
                var csv = parsed.GetValue(output) == CommaSeparated;
                if (csv)
                {
                    await context.Output.WriteLineAsync(Csv.Line(StepMetrics.Fields));
                }

                var damaged = 0;
                await foreach (var curve in DurableCurve.ReadAsync(store, facts, whom.Stage, stop))
                {
                    foreach (var step in Steps(facts, curve))
                    {
                        await context.Output.WriteLineAsync(csv ? Csv.Line(step.Values) : Json.Line(step));
                    }

                    if (curve.Problem is { } problem)
                    {
                        damaged++;
                        await context.Error.WriteLineAsync(
                            $"slowrun: {curve.Plan.Id} is left out: {problem} 'slowrun checkpoints verify {whom.Run}' says what to do."
                        );
                    }
                }

                return damaged == 0 ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples(
            "slowrun metrics demo -o csv > demo.csv",
            "slowrun metrics demo/chain0/stage1 -o jsonl | jq .trainLossNats"
        );
    }

    private static IEnumerable<StepMetrics> Steps(RunFacts facts, DurableCurve curve)
    {
        if (curve.Curve is not { } losses)
        {
            yield break;
        }

        var (stage, total) = (curve.Plan.Stage, Math.Max(curve.Root.Steps, losses.LossNats.Count));
        var schedule = new StageSchedule(stage.Optimizer, total, stage.Epochs);
        foreach (var (index, loss) in losses.LossNats.Index())
        {
            // Neither CSV nor JSON can express a value that is not finite.
            yield return new StepMetrics(
                curve.Plan.Id.ToString(),
                index + 1,
                (index + 1L) * stage.BatchTokens,
                stage.Epochs * (index + 1) / total,
                float.IsFinite(loss) ? loss : null,
                schedule.At(index).LearningRate,
                index + 1 == total ? facts.ScoreOf(curve.Plan.Id)?.LossNats : null
            );
        }
    }

    /// <param name="Step">From 1.</param>
    /// <param name="Tokens">Trained on in the stage, up to and with this step.</param>
    /// <param name="DataEpoch">How often the training set has been passed over.</param>
    /// <param name="LearningRateFactor">What the schedule multiplies every learning rate of the recipe by.</param>
    /// <param name="ValLossNats">Of the snapshot, at the stage's last step.</param>
    private sealed record StepMetrics(
        string Stage,
        int Step,
        long Tokens,
        double DataEpoch,
        float? TrainLossNats,
        double LearningRateFactor,
        double? ValLossNats
    )
    {
        public static IEnumerable<string> Fields =>
            ["stage", "step", "tokens", "dataEpoch", "trainLossNats", "learningRateFactor", "valLossNats"];

        [System.Text.Json.Serialization.JsonIgnore]
        public IEnumerable<object?> Values => [Stage, Step, Tokens, DataEpoch, TrainLossNats, LearningRateFactor, ValLossNats];
    }
}
