using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Status;
using Slowrun.Reading.Curves;

namespace Slowrun.Client.Commands;

/// <summary><c>plot RUN -o loss.png</c>: training loss, validation loss and the ensemble's loss in one picture.</summary>
internal static class PlotCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var file = new Option<FileInfo?>("--output", "-o")
        {
            Description = "Where the picture goes; default: RUN-losses.png.",
            HelpName = "FILE.png",
        };
        file.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !result.Tokens[0].Value.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
            {
                result.AddError($"-o: '{result.Tokens[0].Value}' is no name of a picture; expected one that ends with .png.");
            }
        });
        var command = new Command("plot", "Draws a run's losses: training by step, validation by stage, the ensemble's by members.")
        {
            target,
            file,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var named = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var (store, whom, _) = named;
                var path = parsed.GetValue(file)?.FullName ?? Path.GetFullPath($"{whom.Run}-losses.png");
                if (parsed.GetValue(file) is not null)
                {
                    OutputPaths.CheckFile(path, "-o");
                }

                var facts = await named.FactsAsync(stop);
                var curves = await DurableCurve.ReadAsync(store, facts, whom.Stage, stop).ToListAsync(stop);
                foreach (var curve in curves.Where(curve => curve.Problem is not null))
                {
                    await context.Error.WriteLineAsync(
                        $"slowrun: the curve of {curve.Plan.Id} is left out: {curve.Problem} 'slowrun checkpoints verify {whom.Run}' says what to do."
                    );
                }

                var drawn = curves.Where(curve => curve.Curve is { LossNats.Count: > 0 }).ToList();
                if (drawn.Count == 0)
                {
                    throw new CliException(
                        ExitCode.Failed,
                        $"Nothing of '{whom}' is durable yet, so there is nothing to draw. 'slowrun status {whom.Run}' shows how far it is."
                    );
                }

                OutputPaths.CheckFile(path, "-o");
                LossPlot.Save(
                    StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()) with
                    {
                        GivenName = await named.Reader.Naming.TryNameOfAsync(whom.Run, stop),
                    },
                    drawn,
                    path
                );
                await context.Output.WriteLineAsync(path);
                return curves.Count == drawn.Count ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples("slowrun plot demo -o loss.png", "slowrun plot demo/chain0/stage1 -o stage.png");
    }
}
