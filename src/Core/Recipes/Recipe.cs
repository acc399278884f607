using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// Everything that changes the final bytes of a run, and nothing else. Hashed (see <see cref="CanonicalJson"/>) and immutable once a
/// run has started. Where the bytes are indifferent to a setting (interval, retention, priority) it belongs to <see cref="Operations"/>.
/// </summary>
public sealed record Recipe
{
    /// <summary>Root of every random decision: chain c's stage s derives its own seed from it (see <c>Seeds</c>).</summary>
    [Range(0, 1_000_000_000)]
    public int Seed { get; init; } = 42;

    public DataRecipe Data { get; init; } = new();

    public ModelRecipe Model { get; init; } = new();

    /// <summary>How a stage trains unless its chain says otherwise.</summary>
    public StageRecipe Stage { get; init; } = new();

    /// <summary>One entry per chain; chains are independent of each other.</summary>
    public IReadOnlyList<ChainRecipe> Chains { get; init; } = [new ChainRecipe()];

    public EnsembleRecipe Ensemble { get; init; } = new();

    public EvaluationRecipe Evaluation { get; init; } = new();

    /// <summary>Another run's ensemble that teaches the chains' first stages; filled in by <c>slowrun distill</c>. Null: none.</summary>
    public TeacherRecipe? Teacher { get; init; }

    public bool Equals(Recipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
