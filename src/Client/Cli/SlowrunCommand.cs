using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Slowrun.Client.Commands;
using Slowrun.Client.Corpus;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Cli;

/// <summary>The whole command line: parses, runs, and turns whatever goes wrong into a message and an exit code.</summary>
internal static class SlowrunCommand
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, ClientContext context, CancellationToken stop)
    {
        var common = new CommonOptions();
        var parsed = Create(context, common).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors)
            {
                await context.Error.WriteLineAsync($"slowrun: {error.Message}{Hint(parsed, error.Message)}");
            }

            await context.Error.WriteLineAsync($"'{CommandPath(parsed.CommandResult)} --help' shows what is expected.");
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
            var (exitCode, message) = Explain(e, stop);
            await context.Error.WriteLineAsync($"slowrun: {message}");
            for (var cause = e.InnerException; cause is not null && parsed.GetValue(common.Verbose); cause = cause.InnerException)
            {
                await context.Error.WriteLineAsync($"  because of {cause.GetType().Name}: {cause.Message}");
            }

            return exitCode;
        }
    }

    private static Command Create(ClientContext context, CommonOptions common)
    {
        var root = new Command("slowrun", "Trains ensembles of language models by chain distillation, on machines that may vanish at any second.")
        {
            DemoCommand.Create(context, common),
            RunCommand.Create(context, common),
            SubmitCommand.Create(context, common),
            SiloCommand.Create(context, common),
            DrainCommand.Create(context, common),
            ListCommand.Create(context, common),
            StatusCommand.Create(context, common),
            EventsCommand.Create(context, common),
            GoodputCommand.Create(context, common),
            IntentCommands.Pause(context, common),
            IntentCommands.Resume(context, common),
            IntentCommands.Cancel(context, common),
            IntentCommands.Retry(context, common),
            SetCommand.Create(context, common),
            ExportCommand.Create(context, common),
            CheckpointsCommand.Create(context, common),
            SpecCommand.Create(context, common),
            DataCommand.Create(context, common),
            DoctorCommand.Create(context, common),
            ChaosCommand.Create(context, common),
            UiCommand.Create(context, common),
        };
        root.Options.Add(common.Store);
        root.Options.Add(common.Verbose);
        root.Options.Add(CommandExamples.HelpOption());
        root.Options.Add(new VersionOption());
        root.WithExamples("slowrun demo --quick", "slowrun status demo", "slowrun run tiny --store /tmp/store");
        root.SetAction(parsed => new HelpAction().Invoke(parsed));
        return root;
    }

    private static (int ExitCode, string Message) Explain(Exception e, CancellationToken stop) => e switch
    {
        CliException cli => (cli.ExitCode, cli.Message),
        SpecException spec => (ExitCode.Usage, spec.Message),
        CorpusException corpus => (ExitCode.Failed, corpus.Message),
        OperationCanceledException when stop.IsCancellationRequested => (ExitCode.Failed, "stopped before the end, as asked."),
        IOException or InvalidDataException or UnauthorizedAccessException => (ExitCode.Failed, e.Message),
        _ => (ExitCode.Failed, $"this should not have happened: {e.GetType().Name}: {e.Message} Please report it with the command line."),
    };

    private static string Hint(ParseResult parsed, string message)
    {
        var word = parsed.UnmatchedTokens.FirstOrDefault(token => message.Contains($"'{token}'", StringComparison.Ordinal));
        // A misspelt command leaves the parser with the words behind it, which may name other commands.
        IEnumerable<Command> commands = [parsed.CommandResult.Command, .. Ancestors(parsed.CommandResult)];
        return word is null ? "" : Core.Nearest.Hint(
            word, word.StartsWith('-')
                ? commands.SelectMany(command => command.Options).Select(option => option.Name)
                : commands.SelectMany(command => command.Subcommands).Select(sub => sub.Name));
    }

    private static IEnumerable<Command> Ancestors(System.CommandLine.Parsing.CommandResult result)
    {
        for (var parent = result.Parent; parent is System.CommandLine.Parsing.CommandResult command; parent = parent.Parent)
        {
            yield return command.Command;
        }
    }

    private static string CommandPath(System.CommandLine.Parsing.CommandResult result) =>
        string.Join(' ', Ancestors(result).Reverse().Append(result.Command).Select(command => command.Name));
}
