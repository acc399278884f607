using System.CommandLine;
using System.CommandLine.Invocation;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Commands;

/// <summary>The whole command line: parses, runs, and turns every exception into a message and an exit code.</summary>
internal static class SlowrunCommand
{
    // The parser would take '@x' for the name of a file with further arguments, wherever it stands: a prompt may begin so.
    private static readonly ParserConfiguration Literally = new() { ResponseFileTokenReplacer = null };

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, ClientContext context, CancellationToken stop)
    {
        var common = new CommonOptions();
        // As other programs have it: 'slowrun help status'.
        var parsed = Create(context, common)
            .Parse(arguments.Count > 0 && arguments[0] == "help" ? [.. arguments.Skip(1), "--help"] : arguments, Literally);
        IReadOnlyList<string> errors =
            ParseMessages.OfCommand(parsed) is { } misspelt ? [misspelt]
            : parsed.Action is ParseErrorAction ? [.. ParseMessages.Of(parsed).Distinct()]
            : [];
        if (errors.Count > 0)
        {
            foreach (var error in errors)
            {
                await context.Error.WriteLineAsync($"slowrun: {Failures.Printable(error)}");
            }

            await context.Error.WriteLineAsync($"'{ParseMessages.Path(parsed.CommandResult)} --help' shows what is expected.");
            return ExitCode.Usage;
        }

        try
        {
            // The program handles signals itself: its silos get the time that they need.
            var configuration = new InvocationConfiguration
            {
                Output = context.Output,
                Error = context.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, stop);
        }
        catch (Exception e)
        {
            var (exitCode, message) = Failures.Explain(e, stop);
            await context.Error.WriteLineAsync($"slowrun: {Failures.Printable(message)}");
            foreach (var cause in parsed.GetValue(common.Verbose) ? Failures.Causes(e) : [])
            {
                await context.Error.WriteLineAsync($"  {Failures.Printable(cause)}");
            }

            return exitCode;
        }
    }

    /// <summary>The tree of all commands.</summary>
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var root = new Command(
            "slowrun",
            "Trains ensembles of language models by chain distillation, on machines that may vanish at any second."
        );
        root.AddGroup(
            "Run",
            DemoCommand.Create(context, common),
            RunCommand.Create(context, common),
            SubmitCommand.Create(context, common),
            SiloCommand.Create(context, common),
            DistillCommand.Create(context, common),
            DataCommand.Create(context, common),
            SpecCommand.Create(context, common),
            PlanCommand.Create(context, common)
        );
        root.AddGroup(
            "Watch",
            StatusCommand.Create(context, common),
            WatchCommand.Create(context, common),
            ListCommand.Create(context, common),
            EventsCommand.Create(context, common),
            LogsCommand.Create(context, common),
            MetricsCommand.Create(context, common),
            PlotCommand.Create(context, common),
            UiCommand.Create(context, common),
            ExplainCommand.Create(context, common),
            GoodputCommand.Create(context, common),
            LineageCommand.Create(context, common),
            CompareCommand.Create(context, common)
        );
        root.AddGroup(
            "Control",
            IntentCommands.Pause(context, common),
            IntentCommands.Resume(context, common),
            IntentCommands.Cancel(context, common),
            IntentCommands.Retry(context, common),
            SetCommand.Create(context, common),
            RenameCommand.Create(context, common),
            DrainCommand.Create(context, common),
            DeleteCommand.Create(context, common)
        );
        root.AddGroup(
            "Results",
            EnsembleCommand.Create(context, common),
            EfficiencyCommand.Create(context, common),
            EvalCommand.Create(context, common),
            SampleCommand.Create(context, common),
            ExportCommand.Create(context, common),
            ImportCommand.Create(context, common)
        );
        root.AddGroup(
            "Operate",
            DoctorCommand.Create(context, common),
            CheckpointsCommand.Create(context, common),
            ClusterCommand.Create(context, common),
            ChaosCommand.Create(context, common),
            CompletionCommand.Create(context),
            CompletionCommand.CreateComplete(context, common),
            ReferenceCommand.Create(context)
        );
        root.Options.Add(common.Store);
        root.Options.Add(common.Verbose);
        var help = CommandExamples.HelpOption(common.Verbose);
        root.Options.Add(help);
        root.Options.Add(ProgramVersion.Option());
        root.WithExamples("slowrun demo --quick", "slowrun status demo", "slowrun run tiny --store /tmp/store");
        root.SetAction(parsed => ((SynchronousCommandLineAction)help.Action!).Invoke(parsed));
        return root.WithGuardedValidators();
    }
}
