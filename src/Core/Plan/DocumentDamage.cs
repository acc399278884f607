namespace Slowrun.Core.Plan;

/// <summary>A small document of a run that cannot be read. It stops what depends on it, and nothing else.</summary>
/// <param name="Name">The object.</param>
/// <param name="Why">What is wrong with it, in a sentence that names it.</param>
/// <param name="Advice">What happens by itself, or what to do.</param>
public sealed record DocumentDamage(DocumentKind What, string Name, string Why, string Advice) : ExtensibleRecord
{
    /// <summary>The stage whose document it is; null: the run's.</summary>
    public StageId? Stage { get; init; }

    /// <summary>Whether a newer version of slowrun has written it: it is whole, and only that version can read it.</summary>
    public bool IsNewer { get; init; }

    /// <summary>Whether its copy was read in its place, so that nothing is missing.</summary>
    public bool FromCopy { get; init; }
}

public enum DocumentKind
{
    Spec,
    Operations,
    Intent,
    Root,
    Score,
    Ensemble,
    Data,
    Judging,
}
