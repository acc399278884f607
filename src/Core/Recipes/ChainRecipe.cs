using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;

namespace Slowrun.Core.Recipes;

/// <summary>A sequence of stages, each taught by the one before it.</summary>
public sealed record ChainRecipe
{
    /// <summary>How many stages; at least 1.</summary>
    [Range(1, 10_000)]
    public int Stages { get; init; } = 1;

    /// <summary>A baseline is trained and scored like any chain, but is no member of the ensemble.</summary>
    public ChainRole Role { get; init; } = ChainRole.Members;

    /// <summary>
    /// Weights that are the chain's first models instead of trained ones, by the SHA-256 of their snapshots: <c>slowrun import</c> puts
    /// them into the store and prints it. They are judged, mixed and learnt from like any others. Null: every stage is trained.
    /// </summary>
    public IReadOnlyList<string>? Imported { get; init; }

    /// <summary>A JSON merge patch (RFC 7396) over <see cref="Recipe.Stage"/>, for every stage of this chain.</summary>
    public JsonObject? Stage { get; init; }

    /// <summary>A further merge patch for the first stage alone (upstream's record 9 gives model 0 half the epochs of the
    /// others).</summary>
    public JsonObject? FirstStage { get; init; }

    public bool Equals(ChainRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum ChainRole
{
    Members,
    Baseline,
}
