namespace Slowrun.Core.Selection;

/// <param name="Members">Indices of candidates, ascending.</param>
/// <param name="Weights">One each; they sum to 1.</param>
public sealed record SelectedMembers(IReadOnlyList<int> Members, IReadOnlyList<double> Weights)
{
    /// <summary>A candidate's weight; 0 if it was not selected.</summary>
    public double WeightOf(int candidate) =>
        Members.Index().Where(member => member.Item == candidate).Select(member => Weights[member.Index]).SingleOrDefault();

    public bool Equals(SelectedMembers? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
