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

    /// <summary>A JSON merge patch (RFC 7396) over <see cref="Recipe.Stage"/>, for every stage of this chain.</summary>
    public JsonObject? Stage { get; init; }

    /// <summary>A further merge patch for the first stage alone (upstream's record 9 gives model 0 half the epochs of the
    /// others).</summary>
    public JsonObject? FirstStage { get; init; }
}

public enum ChainRole
{
    Members,
    Baseline,
}
