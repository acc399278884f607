using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// A finished run's whole ensemble as the teacher of one model: what <c>slowrun distill</c> writes. It teaches the first stage of every
/// chain whose stage has distillation settings; later stages are taught by the stage before them, as ever.
/// </summary>
public sealed record TeacherRecipe
{
    /// <summary>The run that the members' snapshots belong to: where they lie in the store. Their bytes are fixed by their hashes
    /// alone.</summary>
    public required string Run { get; init; }

    /// <summary>
    /// How members' predictions become one distribution at temperature T: Probabilities, the weighted mean of softmax(z/T); Logits, the
    /// softmax of the weighted mean of z/T.
    /// </summary>
    public EnsembleAverage Average { get; init; } = EnsembleAverage.Probabilities;

    /// <summary>The model that all members are of; the student's may be another, of the same vocabulary.</summary>
    public required ModelRecipe Model { get; init; }

    /// <summary>In the order in which their predictions are added.</summary>
    public required IReadOnlyList<TeacherMemberRecipe> Members { get; init; }

    /// <summary>Hash of all that the teacher's predictions depend on; where it lies is not part of it.</summary>
    public string ContentSha256() => CanonicalJson.Sha256(this with { Run = "" });

    public bool Equals(TeacherRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>One member of a teaching ensemble, and how it is passed.</summary>
public sealed record TeacherMemberRecipe
{
    /// <summary>SHA-256 (lower-case hex) of the snapshot.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Share in the mixture; the shares of all members sum to 1.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public required double Weight { get; init; }

    /// <summary>Models in the snapshot, which are averaged first: its stage's <see cref="SelectionRecipe.LateCheckpoints"/>.</summary>
    [Range(1, 64)]
    public int Models { get; init; } = 1;

    /// <summary>Layers that its stage looped; null: none.</summary>
    public LoopRecipe? Loop { get; init; }

    /// <summary>Passes of the whole network, as in its stage; null: once.</summary>
    public RecurrenceRecipe? Recurrence { get; init; }
}
