namespace Slowrun.Core.Efficiency;

/// <summary>What an ordinary training reached with so much data.</summary>
/// <param name="LossNats">On the validation set.</param>
public readonly record struct BaselinePoint(long Tokens, double LossNats);
