namespace Slowrun.Core.Specs;

/// <summary>What a command line changes of a spec.</summary>
public sealed record SpecOverrides
{
    /// <summary><c>path=value</c>, carried out in order; the value is YAML. See <c>SpecPath</c> for short forms.</summary>
    public IReadOnlyList<string> Set { get; init; } = [];

    /// <summary>What <see cref="Set"/> comes from, for messages.</summary>
    public string SetFrom { get; init; } = "--set";

    /// <summary>
    /// Assignments of the environment, carried out before <see cref="Set"/>. Of operations only: what decides the bytes stands in a spec or
    /// on the command line, where it is seen.
    /// </summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The run's name; null: what the spec says, else its file's or preset's name.</summary>
    public string? Name { get; init; }

    /// <summary>How the user gives <see cref="Name"/>, for messages.</summary>
    public string NameFrom { get; init; } = "--name";

    public bool Equals(SpecOverrides? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
