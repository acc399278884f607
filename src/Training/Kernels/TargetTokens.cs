namespace Slowrun.Training.Kernels;

/// <summary>One loss of targets.</summary>
/// <param name="Tokens">One for each row.</param>
/// <param name="Share">Its weight among the others.</param>
/// <param name="Smoothing">Share of the target that is spread over the vocabulary (arXiv:1512.00567).</param>
internal readonly record struct TargetTokens(long[] Tokens, double Share, double Smoothing);
