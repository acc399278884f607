using System.Globalization;
using System.Reflection;
using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Data.Corpus;

namespace Slowrun.Client.Cli;

/// <summary>Turns exceptions into an exit code and sentences for the user, never a stack trace.</summary>
internal static class Failures
{
    public static (int ExitCode, string Message) Explain(Exception e, CancellationToken stop) =>
        Unwrapped(e) switch
        {
            CliException cli => (cli.ExitCode, cli.Message),
            SpecException or InvalidRequestException => (ExitCode.Usage, Unwrapped(e).Message),
            NotFoundException missing => (ExitCode.NoSuchThing, missing.Message),
            NotPossibleException or CorpusException => (ExitCode.Failed, Unwrapped(e).Message),
            OperationCanceledException when stop.IsCancellationRequested => (ExitCode.Failed, "stopped before the end, as asked."),
            IOException or InvalidDataException or UnauthorizedAccessException => (ExitCode.Failed, Unwrapped(e).Message),
            var other => (
                ExitCode.Failed,
                $"this should not have happened: {other.GetType().Name}: {other.Message} Please report it with the command line."
            ),
        };

    /// <summary>A message with its control characters written out: it quotes files and arguments, which must not steer a
    /// terminal.</summary>
    public static string Printable(string message) =>
        message.Any(IsHidden)
            ? string.Concat(message.Select(c => IsHidden(c) ? string.Create(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}") : $"{c}"))
            : message;

    /// <summary>The causes of an exception, a line each.</summary>
    public static IEnumerable<string> Causes(Exception e)
    {
        for (var cause = Unwrapped(e).InnerException; cause is not null; cause = cause.InnerException)
        {
            yield return $"because of {cause.GetType().Name}: {cause.Message}";
        }
    }

    /// <summary>Reports an exception that no command caught.</summary>
    /// <returns>The exit code.</returns>
    public static int Tell(Exception e)
    {
        var (exitCode, message) = Explain(e, CancellationToken.None);
        Console.Error.WriteLine($"slowrun: {Printable(message)}");
        return exitCode;
    }

    /// <summary>Ends the process with a message where a background thread fails; the runtime would print a stack trace and dump
    /// core.</summary>
    public static void CatchThoseOfThreads() =>
        System.Runtime.ExceptionServices.ExceptionHandling.SetUnhandledExceptionHandler(e =>
        {
            Environment.Exit(Tell(e));
            return true;
        });

    private static bool IsHidden(char c) => char.IsControl(c) && c is not ('\n' or '\t');

    /// <summary>These say only that something went wrong inside of them.</summary>
    private static Exception Unwrapped(Exception e) =>
        e is AggregateException or TargetInvocationException or TypeInitializationException && e.InnerException is { } inner
            ? Unwrapped(inner)
            : e;
}
