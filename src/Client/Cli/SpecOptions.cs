using System.CommandLine;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Cli;

/// <summary>The options that name a spec and its changes.</summary>
/// <param name="name">The description of <c>--name</c>, for commands with another default.</param>
/// <param name="spec">The argument, for commands that take other things too.</param>
internal sealed class SpecOptions(ClientContext context, string? name = null, Argument<string>? spec = null)
{
    public Argument<string> Spec { get; } =
        spec ?? new("SPEC") { Description = "A preset's name ('slowrun spec list'), or a YAML or JSON file." };

    public Option<string> Name { get; } =
        new("--name") { Description = name ?? "The run's name; default: what the spec says, else its file's or preset's name." };

    public Option<string[]> Set { get; } =
        new("--set")
        {
            Description =
                "Changes a field of the spec; may be repeated. model.layers=4 is short for recipe.model.layers=4; operations.… is always written; "
                + "chains[0].stages=3 reaches into a list; null takes a field back to its default.",
            HelpName = "PATH=VALUE",
        };

    public void AddTo(Command command)
    {
        command.Arguments.Add(Spec);
        AddOverridesTo(command);
    }

    /// <summary>For a command that names its spec in a way of its own.</summary>
    public void AddOverridesTo(Command command)
    {
        command.Options.Add(Name);
        command.Options.Add(Set);
    }

    /// <exception cref="SpecException">With every problem.</exception>
    public RunSpec Read(ParseResult parsed) => SpecSource.Read(parsed.GetRequiredValue(Spec), Overrides(parsed));

    public SpecOverrides Overrides(ParseResult parsed) =>
        new()
        {
            Set = parsed.GetValue(Set) ?? [],
            Name = parsed.GetValue(Name),
            Environment = (context.Variable(SpecReader.EnvironmentVariable) ?? "").Split(
                [';', '\n'],
                StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries
            ),
        };
}
