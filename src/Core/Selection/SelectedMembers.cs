namespace Slowrun.Core.Selection;

/// <param name="Members">Indices of candidates, ascending.</param>
/// <param name="Weights">One each; they sum to 1.</param>
public sealed record SelectedMembers(IReadOnlyList<int> Members, IReadOnlyList<double> Weights);
