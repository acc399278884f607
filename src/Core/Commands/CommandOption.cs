namespace Slowrun.Core.Commands;

/// <summary>An option that two programs take. Each of them converts it to an option of its own command line library.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Description">For <c>--help</c> and docs/cli.md, defaults included.</param>
public sealed record CommandOption(string Name, string Description)
{
    /// <summary>The name of its value in the help; null: the library's default.</summary>
    public string? HelpName { get; init; }

    /// <summary>Whether it may be given several times.</summary>
    public bool MayRepeat { get; init; }

    /// <summary>Whether it may be given without a value.</summary>
    public bool ValueIsOptional { get; init; }
}
