namespace Slowrun.Core.Commands;

/// <summary>An option that two programs take: what each of them makes its own kind of option of.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Description">For <c>--help</c> and docs/cli.md, defaults included.</param>
public sealed record CommandOption(string Name, string Description)
{
    /// <summary>What its value is called in the help; null: nothing in particular.</summary>
    public string? HelpName { get; init; }

    /// <summary>Whether it may stand without a value.</summary>
    public bool ValueIsOptional { get; init; }
}
