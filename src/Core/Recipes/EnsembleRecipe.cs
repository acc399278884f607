using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>How members' predictions are averaged.</summary>
public sealed record EnsembleRecipe
{
    public EnsembleAverage Average { get; init; } = EnsembleAverage.Probabilities;

    /// <summary>Members left out of the mixture: the first n stages of every chain (record 9 drops model 0).</summary>
    [Range(0, 10_000)]
    public int ExcludeFirstStages { get; init; }

    /// <summary>Members are chosen and weighted on the fitness set. Null: all count alike.</summary>
    public MemberSelectionRecipe? Selection { get; init; }
}

public enum EnsembleAverage
{
    /// <summary>The mean of p(target) (record 10 on): computed from stored vectors, no model runs again.</summary>
    Probabilities,

    /// <summary>The softmax of the mean logits (up to record 9): every member runs once more, all of them in memory at once.</summary>
    Logits,
}

/// <summary>
/// Record 12: mixture weights are learnt on the fitness set by gradient descent, and the k members of the highest weight are kept. Of the
/// sizes k, the one with the lowest loss on the fitness set is the ensemble; what each comes to on the validation set is reported.
/// </summary>
public sealed record MemberSelectionRecipe
{
    /// <summary>Sizes k to try, ascending; larger than the number of members: all of them.</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [8, 16, 32, 64, 128, 256];

    /// <summary>Steps of AdamW on the weights' logits.</summary>
    [Range(1, 100_000)]
    public int Steps { get; init; } = 300;

    public bool Equals(MemberSelectionRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
