using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>Softcap, cross-entropy and divergence from a teacher by one kernel: <see cref="LossKernel"/> on a device.</summary>
internal static class LossKernels
{
    /// <param name="logits">[n, at least V], before the softcap; becomes the gradient, 0 from V on.</param>
    /// <param name="targets">[k, rows] int64, the row <paramref name="first"/> of each loss of targets is the first one's.</param>
    /// <param name="shares">[k] float64: their weights.</param>
    /// <param name="smoothing">Of the first.</param>
    /// <param name="taught">As the logits: a teacher's. Null: no teacher, or it says logarithms.</param>
    /// <param name="lesson">[n, V] float32: logarithms of a teacher's probabilities.</param>
    /// <param name="losses">[rows] float64; those of these rows are written.</param>
    public static void Run(
        CudaKernels kernels,
        Tensor logits,
        int vocabSize,
        Tensor targets,
        Tensor shares,
        double smoothing,
        Tensor? taught,
        Tensor? lesson,
        in LossTerms terms,
        int first,
        Tensor losses
    ) =>
        kernels.Launch(
            "loss",
            logits.shape[0],
            logits,
            (int)logits.shape[1],
            vocabSize,
            terms.Softcap,
            targets,
            (int)targets.shape[0],
            (int)targets.shape[1],
            first,
            shares,
            smoothing,
            taught,
            lesson,
            terms.Temperature,
            terms.Hard,
            terms.Soft,
            losses
        );
}
