namespace Slowrun.Core.Stages;

/// <summary>The members' loss on the validation set, averaged in the way that the recipe names.</summary>
public sealed record EnsembleScore : ExtensibleRecord
{
    /// <summary>Snapshot hashes of the members considered, in chain order.</summary>
    public required IReadOnlyList<string> Members { get; init; }

    /// <summary>Loss of the even average of the first 1, 2, … of them. One pass over the vectors gives all.</summary>
    public required IReadOnlyList<double> Running { get; init; }

    /// <summary>The ensemble's: of the even average of all, or of the selection that is best on the fitness set.</summary>
    public required double LossNats { get; init; }

    public required double BitsPerByte { get; init; }

    /// <summary>One for each member, 0 for those left out; they sum to 1. Null: all count alike.</summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>Every size that was tried, where members are selected.</summary>
    public IReadOnlyList<SelectionScore> Selections { get; init; } = [];

    public bool Equals(EnsembleScore? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>The k members of the highest learnt weight.</summary>
/// <param name="Size">k.</param>
/// <param name="FitnessLossNats">What the choice between sizes is made on.</param>
/// <param name="LossNats">On the validation set: reported, and nothing chosen by it.</param>
public sealed record SelectionScore(int Size, double FitnessLossNats, double LossNats, double BitsPerByte) : ExtensibleRecord;
