namespace Slowrun.Training.Kernels;

/// <summary>Gradients of <see cref="MixScalars"/>.</summary>
internal readonly record struct MixGradients(double Lambda, double Lambda0, double Skip);
