using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Reading.Explain;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>An explanation for people: a paragraph a cause, and under it the command that changes it.</summary>
internal static class CausesText
{
    private const int MostStages = 4;

    public static IRenderable Of(Target whom, string state, RunFacts facts, IReadOnlyList<Cause> causes)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var lines = new List<IRenderable> { new Text($"{whom} is {state}{Stages(whom, facts)}.") };
        foreach (var cause in causes)
        {
            lines.Add(new Text(""));
            lines.Add(new Text($"{Subject(whom, cause)}{cause.Text}"));
            if (cause.Command is not null)
            {
                lines.Add(new Padder(new Text(cause.Command, new Style(decoration: Decoration.Bold)), new Padding(4, 0, 0, 0)));
            }
        }

        if (causes.Count == 0)
        {
            lines.Add(
                new Text(
                    Readiness.StateOf(facts) == RunState.Succeeded
                        ? "It has ended; nothing is left to be done."
                        : "Nothing holds it up: all that can train is training."
                )
            );
        }

        return new Rows(lines);
    }

    private static string Stages(Target whom, RunFacts facts) =>
        whom.Stage is not null
            ? ""
            : $": {string.Join(", ", facts.Plan.Stages.CountBy(stage => Readiness.StateOf(facts, stage.Id)).OrderBy(pair => StageStates.Ordered.ToList().IndexOf(pair.Key)).Select(pair => FormattableString.Invariant($"{pair.Value} {pair.Key}")))} of {Human.Count(facts.Plan.Stages.Count)} stages";

    /// <summary>Empty where the cause's stage is the one named in the command.</summary>
    private static string Subject(Target whom, Cause cause)
    {
        if (cause.Stages.Count == 0 || (cause.Stages.Count == 1 && cause.Stages[0] == whom.Stage?.ToString()))
        {
            return "";
        }

        var more = cause.Stages.Count > MostStages ? FormattableString.Invariant($" and {cause.Stages.Count - MostStages} more") : "";
        return $"{string.Join(", ", cause.Stages.Take(MostStages))}{more}: ";
    }
}
