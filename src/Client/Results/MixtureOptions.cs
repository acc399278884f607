using System.CommandLine;
using Slowrun.Core;
using Slowrun.Core.Plan;

namespace Slowrun.Client.Results;

/// <summary>How a command line chooses members of a run.</summary>
internal sealed class MixtureOptions
{
    private readonly Option<string[]> members = new("--members")
    {
        Description = "Mix these alone, evenly: chain0/stage1,chain1/stage0,… Default: the run's own ensemble.",
        HelpName = "STAGE,…",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> select = new("--select")
    {
        Description = "Learn weights on the fitness set, as a recipe with ensemble.selection does, and keep the K members of the highest.",
        HelpName = "K",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(members);
        command.Options.Add(select);
    }

    /// <summary>The options' names that were given, for errors.</summary>
    public bool AnyGiven(ParseResult parsed) => parsed.GetValue(members) is { Length: > 0 } || parsed.GetValue(select) is not null;

    /// <exception cref="NotFoundException">A member is none of the run.</exception>
    /// <exception cref="InvalidRequestException">A member is named twice.</exception>
    public MixtureRequest Read(ParseResult parsed, RunFacts facts)
    {
        var named = (parsed.GetValue(members) ?? [])
            .SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .ToList();
        if (named.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InvalidRequestException($"--members names '{twice.Key}' twice; each member is mixed once.");
        }

        return new MixtureRequest([.. named.Select(name => Stage(facts, name))], parsed.GetValue(select));
    }

    private static StageId Stage(RunFacts facts, string name)
    {
        var run = facts.Spec.Name;
        var bare = name.StartsWith($"{run}/", StringComparison.Ordinal) ? name[(run.Length + 1)..] : name;
        var stages = facts.Plan.Stages.Select(plan => plan.Id).ToList();
        return StageId.TryParse(bare, out var id) && stages.Contains(id)
            ? id
            : throw new NotFoundException(
                $"Run '{run}' has no member '{name}'.{Nearest.Hint(bare, stages.Select(stage => stage.ToString()))} It has {string.Join(", ", stages)}."
            );
    }
}

/// <summary>What the options ask for.</summary>
/// <param name="Members">Empty: the run's own.</param>
/// <param name="Select">Null: no selection is made here.</param>
internal sealed record MixtureRequest(IReadOnlyList<StageId> Members, int? Select)
{
    public bool IsOwn => Members.Count == 0 && Select is null;
}
