namespace Slowrun.Training.Numerics;

/// <summary>
/// Which implementation a stage trains with. They agree up to rounding, not in their bytes; so the choice follows from the plan and the
/// kind of device alone.
/// </summary>
internal enum StepPath
{
    /// <summary>libtorch's operations and autograd: every option, every device. The reference for the others.</summary>
    Composed,

    /// <summary>Kernels of our own between libtorch's matrix products: float32 on a processor.</summary>
    Fused,

    /// <summary>Kernels of our own for a GPU between libtorch's products, with autograd (decision 0023): chosen by no plan until a device
    /// has held them.</summary>
    Kernels,
}
