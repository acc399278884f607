namespace Slowrun.Client.Cli;

/// <summary>Ends a command with a message for the user: what, found, expected, what to do.</summary>
internal sealed class CliException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode => exitCode;
}
