using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Results;
using Slowrun.Client.Results.TensorBoard;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Commands;

/// <summary><c>metrics RUN</c>: every step's training loss, as far as it is durable, for other programs to draw and compare.</summary>
internal static class MetricsCommand
{
    private const string JsonLines = "jsonl",
        CommaSeparated = "csv",
        TensorBoard = "tensorboard";

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

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
        var to = new Option<string[]>("--to")
        {
            Description = "Instead: adds what is new to a folder of TensorBoard's event files, DIR/RUN/CHAIN-STAGE; made if absent.",
            HelpName = "tensorboard DIR",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true,
        };
        to.Validators.Add(result =>
        {
            if (result.Tokens.Count == 2 && result.Tokens[0].Value != TensorBoard)
            {
                result.AddError($"--to: '{result.Tokens[0].Value}' is no format; expected is '{TensorBoard} DIR'.");
            }
        });
        var follow = new Option<bool>("--follow", "-f")
        {
            Description = "With --to: stay, and add what becomes durable, until the run has ended.",
        };
        var command = new Command(
            "metrics",
            "Prints a row for each step that is durable: stage, step, training loss, learning rate, training time, and at a stage's end its validation loss."
        )
        {
            target,
            output,
            to,
            follow,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var folder = parsed.GetValue(to) is [_, var named] ? named : null;
                if (folder is null && parsed.GetValue(follow))
                {
                    throw new CliException(ExitCode.Usage, "--follow adds to a folder: name it with --to tensorboard DIR.");
                }

                if (folder is not null && parsed.GetResult(output) is { Implicit: false })
                {
                    throw new CliException(
                        ExitCode.Usage,
                        "--output prints rows, and --to writes a folder of event files instead: give one of them."
                    );
                }

                if (folder is not null)
                {
                    OutputPaths.CheckFolder(folder, "--to");
                }

                var run = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var (store, whom, reader) = run;
                var facts = await run.FactsAsync(stop);
                return folder is null ? await PrintAsync(context, store, facts, whom, parsed.GetValue(output) == CommaSeparated, stop)
                    : !parsed.GetValue(follow) ? await AddAsync(context, reader, facts, whom, folder, follow: false, stop)
                    : await Watching.WatchAsync(
                        context,
                        $"Run '{whom.Run}' goes on, and the same command adds the rest.",
                        () => AddAsync(context, reader, facts, whom, folder, follow: true, stop),
                        stop
                    );
            }
        );
        return command.WithExamples(
            "slowrun metrics demo -o csv > demo.csv",
            "slowrun metrics demo/chain0/stage1 -o jsonl | jq .trainLossNats",
            "slowrun metrics demo --to tensorboard curves --follow"
        );
    }

    private static async Task<int> PrintAsync(
        ClientContext context,
        IObjectStore store,
        RunFacts facts,
        Target whom,
        bool csv,
        CancellationToken stop
    )
    {
        if (csv)
        {
            await context.Output.WriteLineAsync(Csv.Line(StepMetrics.Fields));
        }

        var damaged = 0;
        await foreach (var curve in DurableCurve.ReadAsync(store, facts, whom.Stage, stop))
        {
            foreach (var step in StepMetrics.Of(facts, curve))
            {
                await context.Output.WriteLineAsync(csv ? Csv.Line(step.Values) : Json.Line(step));
            }

            damaged += await TellProblemAsync(context, whom, curve) ? 1 : 0;
        }

        return damaged == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<int> AddAsync(
        ClientContext context,
        RunReader reader,
        RunFacts facts,
        Target whom,
        string folder,
        bool follow,
        CancellationToken stop
    )
    {
        using var board = new TensorBoardExport(folder, facts);
        var added = new Dictionary<StageId, (CheckpointRef? Checkpoint, bool Scored)>();
        var damaged = 0;
        while (true)
        {
            try
            {
                // Asked before the curves are read: the steps of the end are then among them.
                var over = !follow || Readiness.IsOver(Readiness.StateOf(facts));
                foreach (var stage in facts.Plan.Stages.Select(plan => plan.Id).Where(id => whom.Stage is null || whom.Stage == id))
                {
                    var now = (facts.RootOf(stage).Current, facts.ScoreOf(stage) is not null);
                    if (added.GetValueOrDefault(stage) == now)
                    {
                        continue;
                    }

                    await foreach (var curve in DurableCurve.ReadAsync(reader.Store, facts, stage, stop))
                    {
                        var steps = Add(board, folder, facts, curve);
                        if (steps > 0)
                        {
                            await context.Output.WriteLineAsync($"{stage}: {steps} steps added");
                        }

                        damaged += await TellProblemAsync(context, whom, curve) ? 1 : 0;
                    }

                    added[stage] = now;
                }

                if (over)
                {
                    return damaged == 0 ? ExitCode.Done : ExitCode.Failed;
                }

                await Task.Delay(Every, context.Time, stop);
                facts = await reader.FactsAsync(whom.Run, stop);
            }
            catch (IOException e) when (follow)
            {
                await context.Error.WriteLineAsync($"The store does not answer, which is tried again: {e.Message}");
                await Task.Delay(Every, context.Time, stop);
            }
        }
    }

    private static int Add(TensorBoardExport board, string folder, RunFacts facts, DurableCurve curve)
    {
        try
        {
            return board.Add(facts, curve);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(
                ExitCode.Failed,
                $"--to: '{folder}' cannot be written: {e.Message.TrimEnd('.')}. Name another folder, or make this one writable: the same command goes on with what is there.",
                e
            );
        }
    }

    /// <returns>Whether there is one.</returns>
    private static async Task<bool> TellProblemAsync(ClientContext context, Target whom, DurableCurve curve)
    {
        if (curve.Problem is not { } problem)
        {
            return false;
        }

        await context.Error.WriteLineAsync(
            $"slowrun: {curve.Plan.Id} is left out: {problem} 'slowrun checkpoints verify {whom.Run}' says what to do."
        );
        return true;
    }
}
