namespace Slowrun.Core.Selection;

/// <summary>Mixture weights of all candidates, and the loss they have on the set they were fitted to.</summary>
public sealed record FittedMixture(IReadOnlyList<double> Weights, double LossNats);
