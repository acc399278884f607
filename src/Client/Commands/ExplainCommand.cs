using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Plan;
using Slowrun.Reading.Explain;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>explain RUN[/STAGE]</c>: why it does not go on, and what to do.</summary>
internal static class ExplainCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = CommonOptions.Output();
        var command = new Command(
            "explain",
            "Says why a run or a stage does not go on, one paragraph a cause, each with the command that changes it."
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
                // How long an owner has been silent follows from times that silos wrote.
                var time = await context.ReadingTimeAsync(store, stop);
                var reader = new RunReader(store, time);
                await using var statuses = new StatusReader(reader);
                var now = await ExplainContext.ReadAsync(reader, silos => context.AskSilos(statuses, silos, stop), whom.Run, time, stop);
                whom.CheckIsIn(now.Facts);
                var causes = RunCauses.Of(now, whom.Stage);
                var state = whom.Stage is { } stage
                    ? Readiness.StateOf(now.Facts, stage).ToString()
                    : Readiness.StateOf(now.Facts).ToString();
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(
                        Json.TextOfRun(
                            new
                            {
                                Run = now.Run,
                                Stage = whom.Stage?.ToString(),
                                State = state,
                                Causes = causes,
                            },
                            await reader.Naming.TryNameOfAsync(now.Run, stop)
                        )
                    );
                }
                else
                {
                    context.Console.Print(CausesText.Of(await named.ShownAsync(stop), state, now.Facts, causes));
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun explain demo",
            "slowrun explain demo/chain0/stage1",
            "slowrun explain demo -o json | jq -r '.causes[].kind'"
        );
    }
}
