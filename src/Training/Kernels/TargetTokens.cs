namespace Slowrun.Training.Kernels;

/// <summary>One loss of targets.</summary>
/// <param name="Tokens">The target of each row.</param>
/// <param name="Share">The weight of this loss in their sum.</param>
/// <param name="Smoothing">Share of the target that is spread over the vocabulary (arXiv:1512.00567).</param>
internal readonly record struct TargetTokens(long[] Tokens, double Share, double Smoothing);
