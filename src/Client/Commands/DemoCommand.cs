using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>demo</c>: a complete run on real text, with a result.</summary>
internal static class DemoCommand
{
    private const string Run = "demo";

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var quick = new Option<bool>("--quick")
        {
            Description = "A smaller model and less text: at most 100 seconds on 2 cores instead of 6 minutes.",
        };
        var data = new DataOptions();
        var chart = new Option<FileInfo>("--out")
        {
            Description = "Where the chart goes.",
            HelpName = "FILE.png",
            DefaultValueFactory = _ => new FileInfo("demo-losses.png"),
        };
        var command = new Command(
            "demo",
            "Trains, distils and averages an ensemble on real text, on this machine. After any kill the same command goes on."
        )
        {
            quick,
            chart,
        };
        data.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var file = parsed.GetRequiredValue(chart).FullName;
                OutputPaths.CheckFile(file, "--out");
                var spec = SpecReader.FromPreset(parsed.GetValue(quick) ? "demo-quick" : "demo", new SpecOverrides { Name = Run });
                var given = data.Read(parsed, []);
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: true, stop);
                var before = await new RunReader(store, context.Time).TryFactsAsync(Run, stop);
                var (status, facts) = await new RunSession(context, store).RunAsync(spec, given, stop);
                if (before is not null && Readiness.StateOf(before) == RunState.Succeeded)
                {
                    await context.Output.WriteLineAsync(
                        $"Run '{Run}' in '{store.Address}' had succeeded before; nothing was trained. To see it train again, "
                            + "use another --store."
                    );
                }

                var exitCode = await RunCommand.EndAsync(context, status, facts);
                if (exitCode == ExitCode.Done)
                {
                    var manifest = await new Storage.Tokens.StoredTokenSets(store).ReadManifestAsync(facts.Spec.Recipe.Data.Sha256!, stop);
                    if (DemoNotes.Efficiency(facts.Spec, status.Ensemble?.LossNats, CachedCurves.Embedded) is { } efficiency)
                    {
                        await context.Output.WriteLineAsync(efficiency);
                    }

                    foreach (var line in DemoNotes.Of(facts.Plan, manifest))
                    {
                        await context.Output.WriteLineAsync(line);
                    }

                    LossPlot.SaveEnsemble(status, file);
                    await context.Output.WriteLineAsync($"Chart: {file}");
                }

                return exitCode;
            }
        );
        return command.WithExamples(
            "slowrun demo --quick",
            "slowrun demo --store /tmp/store --out losses.png",
            "slowrun demo --text book.txt notes.txt"
        );
    }
}
