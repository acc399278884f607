using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Slowrun.Client.Cli;

/// <summary>The program's version, and the commit that it was built from.</summary>
internal static class ProgramVersion
{
    private const int ShownDigits = 12;

    private static readonly string Informational =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static string Text { get; } = Of(Informational);

    /// <summary>Without the commit.</summary>
    public static string Number { get; } = Informational.Split('+')[0];

    /// <param name="informational">As the build writes it: <c>0.1.0+COMMIT</c>, or <c>0.1.0</c> where sources lie in no repository.</param>
    public static string Of(string informational) =>
        informational.Split('+', 2) is [var version, { Length: > 0 } commit]
            ? $"{version} (commit {commit[..Math.Min(ShownDigits, commit.Length)]})"
            : informational;

    public static VersionOption Option() => new() { Action = new Show() };

    private sealed class Show : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"slowrun {Text}");
            return ExitCode.Done;
        }
    }
}
