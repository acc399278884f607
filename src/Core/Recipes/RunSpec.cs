namespace Slowrun.Core.Recipes;

/// <summary>What a user asks for: the document at <c>runs/NAME/spec</c>.</summary>
public sealed record RunSpec
{
    public required string Name { get; init; }

    public required Recipe Recipe { get; init; }

    public Operations Operations { get; init; } = new();
}
