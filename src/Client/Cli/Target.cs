using Slowrun.Core.Plan;

namespace Slowrun.Client.Cli;

/// <summary>What a command is about: a run, or one stage of it.</summary>
internal sealed record Target(string Run, StageId? Stage)
{
    /// <exception cref="CliException">Neither.</exception>
    public static Target Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return new Target(text, null);
        }

        return StageId.TryParse(text[(slash + 1)..], out var stage)
            ? new Target(text[..slash], stage)
            : throw new CliException(ExitCode.Usage, $"'{text}' names no stage; expected for example {text[..slash]}/chain0/stage1.");
    }

    public override string ToString() => Stage is { } stage ? $"{Run}/{stage}" : Run;
}
