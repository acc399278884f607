namespace Slowrun.Core.Selection;

/// <summary>Mixture weights of all candidates, and the loss they have on the set they were fitted to.</summary>
public sealed record FittedMixture(IReadOnlyList<double> Weights, double LossNats)
{
    public bool Equals(FittedMixture? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
