using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>efficiency RUN|SPEC</c>: how many times the data an ordinary training needs for a run's loss.</summary>
internal static class EfficiencyCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(
            context,
            spec: new("RUN|SPEC") { Description = "A run of the store; or a preset's name or a file, which is trained first." }
        );
        var data = new DataOptions(
            "The run's text files, of which its training set is the beginning: baselines train on more of them.",
            "Data with a longer training set that begins with the run's, prepared of the same input: baselines train on it."
        );
        var baselines = new BaselineOptions();
        var silos = RunCommand.SilosOption();
        var output = CommonOptions.Output();
        var png = new Option<FileInfo?>("--png") { Description = "Also draws the curves into a picture.", HelpName = "FILE.png" };
        var command = new Command(
            "efficiency",
            "Data efficiency: how many times the data an ordinary training needs for the run's loss. Trains what it compares with, once."
        )
        {
            silos,
            output,
            png,
        };
        options.AddTo(command);
        data.AddTo(command);
        baselines.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var isJson = parsed.GetValue(output) == OutputFormat.Json;
                var shown = isJson ? BesideTheAnswer(context) : context;
                var wish = baselines.Read(parsed) with { Silos = parsed.GetValue(silos) };
                if (parsed.GetValue(png) is { } picture)
                {
                    OutputPaths.CheckFile(picture.FullName, "--png");
                }

                var given = data.Read(parsed, []);
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: wish.Train, stop);
                var spec = await SpecAsync(context, store, options, parsed, stop);
                if (await FinishedAsync(shown, store, spec, given, wish, stop) is not { } facts)
                {
                    return ExitCode.Failed;
                }

                var report = await AnswerAsync(shown, store, facts, wish, given, stop);
                var called = await new RunReader(store, context.Time).Naming.TryNameOfAsync(report.Run, stop);
                var title = GivenNames.Title(report.Run, called);
                if (isJson)
                {
                    await context.Output.WriteLineAsync(Json.TextOfRun(report, called));
                }
                else
                {
                    context.Console.Print(EfficiencyText.Of(report, title));
                }

                if (facts.Plan.Members.Any(member => member.ImportedSha256 is not null))
                {
                    await shown.Output.WriteLineAsync(
                        $"What imported models were trained on is not known: factors with them hold if it was the training set of '{title}', and nothing else."
                    );
                }

                if (parsed.GetValue(png) is { } file)
                {
                    EfficiencyPlot.Save(report, title, file.FullName);
                    await shown.Output.WriteLineAsync($"Chart: {file.FullName}");
                }

                return wish.Train && report.Missing.Count > 0 ? ExitCode.Failed : ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun efficiency demo",
            "slowrun efficiency demo-quick --passes 12 --points 1,2,4 --png curve.png",
            "slowrun efficiency mine --no-train -o json"
        );
    }

    /// <summary>What is shown goes where errors go: programs read the answer alone.</summary>
    private static ClientContext BesideTheAnswer(ClientContext context)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Error) });
        console.Profile.Width = context.Console.Profile.Width;
        return context with { Output = context.Error, Console = console, Interactive = false };
    }

    /// <summary>A run of the store, as it is there; else a preset or a file.</summary>
    private static async Task<RunSpec> SpecAsync(
        ClientContext context,
        IObjectStore store,
        SpecOptions options,
        ParseResult parsed,
        CancellationToken stop
    )
    {
        var (what, overrides) = (parsed.GetRequiredValue(options.Spec), options.Overrides(parsed));
        var isRun = what.StartsWith(SpecOrRun.RunPrefix, StringComparison.Ordinal);
        var name = isRun ? what[SpecOrRun.RunPrefix.Length..] : what;
        var reader = new RunReader(store, context.Time);
        if (isRun)
        {
            return (await reader.FactsAsync(await reader.Naming.ResolveAsync(name, stop), stop)).Spec;
        }

        return overrides is { Set.Count: 0, Name: null } && await reader.TryFactsAsync(name, stop) is { } there ? there.Spec
            : SpecSource.TryResolve(what, overrides) is { } found ? found.Spec
            : await reader.TryFactsAsync(await reader.Naming.ResolveAsync(what, stop), stop) is { } called ? called.Spec
            : throw await reader.NoSuchRunAsync(what, stop);
    }

    /// <summary>The run with all its members, trained where the user asked for it.</summary>
    /// <returns>Null: it has failed, which was told.</returns>
    private static async Task<RunFacts?> FinishedAsync(
        ClientContext context,
        IObjectStore store,
        RunSpec spec,
        GivenData given,
        EfficiencyWish wish,
        CancellationToken stop
    )
    {
        var facts = await new RunReader(store, context.Time).TryFactsAsync(spec.Name, stop);
        if (facts is not null && Readiness.StateOf(facts) == RunState.Succeeded)
        {
            return facts;
        }

        if (!wish.Train)
        {
            throw new NotPossibleException(
                $"Run '{spec.Name}' {(facts is null ? $"is not in '{store.Address}'" : $"is {Readiness.StateOf(facts)}")}, and "
                    + "a run's loss is known when it has succeeded. Without --no-train it is trained first."
            );
        }

        if (facts is null && spec.Recipe.Data is { Source: "text", Sha256: null } && given.TextFiles.Count == 0)
        {
            throw new NotPossibleException(
                $"Run '{spec.Name}' is not in '{store.Address}', and its text is not named. Train it first, for example with "
                    + $"'slowrun run {spec.Name} --data DIR', or name its text with --text FILE; --data here is the longer text "
                    + "of baselines."
            );
        }

        // A longer prepared text is the baselines' alone; of text files the recipe takes as much as it says.
        var (status, trained) = await new RunSession(context, store) { Silos = wish.Silos }.RunAsync(
            spec,
            given with
            {
                Prepared = null,
            },
            stop
        );
        return await RunCommand.EndAsync(context, status, trained) == ExitCode.Done ? trained : null;
    }

    private static async Task<EfficiencyReport> AnswerAsync(
        ClientContext context,
        IObjectStore store,
        RunFacts facts,
        EfficiencyWish wish,
        GivenData given,
        CancellationToken stop
    )
    {
        try
        {
            var report = await new EfficiencyQuestion(context, store, facts, wish).AnswerAsync(given, stop);
            // The page shows it. What is only asked changes nothing.
            if (wish.Train)
            {
                await new RunEfficiency(store, facts.Spec.Name).WriteAsync(report, stop);
            }

            return report;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await context.Output.WriteLineAsync(
                $"Baselines of '{facts.Spec.Name}' that are trained, and checkpoints of the others, are kept in '{store.Address}"
                    + "'. The same command goes on from there."
            );
            throw;
        }
    }
}
