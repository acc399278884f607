namespace Slowrun.Client.Cli;

/// <summary>What scripts may rely on.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>Also: a run that failed, was cancelled, or was left before its end.</summary>
    public const int Failed = 1;

    /// <summary>The command line or a spec is wrong.</summary>
    public const int Usage = 2;

    public const int NoSuchThing = 3;

    public const int NeedsSilo = 4;
}
