namespace Slowrun.Training.Numerics;

/// <summary>
/// Which implementation a stage trains with. They agree to rounding, not in their bytes; so which it is follows from the plan and the kind
/// of device alone.
/// </summary>
internal enum StepPath
{
    /// <summary>libtorch's operations and autograd: every option, every device. What the others are held to.</summary>
    Composed,

    /// <summary>Kernels of our own between libtorch's matrix products: float32 on a processor.</summary>
    Fused,
}
