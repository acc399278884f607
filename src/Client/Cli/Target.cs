using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;

namespace Slowrun.Client.Cli;

/// <summary>What a command is about: a run, one stage of it, or one of its chains.</summary>
internal sealed record Target(string Run, StageId? Stage)
{
    /// <summary>All stages of this chain; null: not a chain.</summary>
    public int? Chain { get; init; }

    /// <param name="chains">Whether a chain may be named.</param>
    /// <exception cref="CliException">None of them.</exception>
    public static Target Parse(string text, bool chains = false)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return new Target(text, null);
        }

        var (run, part) = (text[..slash], text[(slash + 1)..].TrimEnd('/'));
        if (StageId.TryParse(part, out var stage))
        {
            return new Target(run, stage);
        }

        if (ChainOf(part) is { } chain)
        {
            return chains
                ? new Target(run, null) { Chain = chain }
                : throw new CliException(
                    ExitCode.Usage,
                    $"'{text}' names a whole chain, and this command takes one of its stages, for example {run}/{part}/stage0; or the run alone."
                );
        }

        throw new CliException(
            ExitCode.Usage,
            $"'{text}' names no stage{(chains ? " and no chain" : "")}; expected for example {run}/chain0/stage1{(chains ? $" or {run}/chain0" : "")}."
        );
    }

    /// <summary>What it is of the run.</summary>
    public RunPart Part => new(Run, Stage, Chain);

    /// <summary>Whether a stage of its run is meant.</summary>
    public bool Has(StageId id) => Part.Has(id);

    /// <exception cref="CliException">The run has no such stage, or no such chain.</exception>
    public void CheckIsIn(RunFacts facts)
    {
        if (Chain is not null && !facts.Plan.Stages.Any(plan => Has(plan.Id)))
        {
            var chains = facts.Plan.Stages.Select(plan => plan.Id.ChainName).Distinct().ToList();
            throw new CliException(
                ExitCode.NoSuchThing,
                $"Run '{Run}' has no chain '{ToString().Split('/')[1]}'. It has {Nearest.Listed(ToString(), chains)}."
            );
        }

        if (Stage is { } stage && facts.Plan.Stages.All(plan => plan.Id != stage))
        {
            var names = facts.Plan.Stages.Select(plan => plan.Id.ToString()).ToList();
            throw new CliException(
                ExitCode.NoSuchThing,
                $"Run '{Run}' has no stage '{stage}'.{Nearest.Hint(stage.ToString(), names)} It has {Nearest.Listed(stage.ToString(), names)}."
            );
        }
    }

    public override string ToString() => Part.ToString();

    private static int? ChainOf(string part) =>
        part.StartsWith(RunPart.ChainWord, StringComparison.Ordinal)
        && int.TryParse(part.AsSpan(RunPart.ChainWord.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var chain)
        && part == string.Create(CultureInfo.InvariantCulture, $"{RunPart.ChainWord}{chain}")
            ? chain
            : null;
}
