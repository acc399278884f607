using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>Softcap, cross-entropy and divergence from a teacher in one kernel: <see cref="LossKernel"/> on a device.</summary>
internal static class LossKernels
{
    /// <param name="logits">[n, at least V], before the softcap; overwritten by the gradient, which is 0 from column V on.</param>
    /// <param name="targets">[k, rows] int64; row <paramref name="first"/> of each loss belongs to the first row of the logits.</param>
    /// <param name="shares">[k] float64: their weights.</param>
    /// <param name="smoothing">Label smoothing of the first loss.</param>
    /// <param name="taught">Logits of a teacher. Null: no teacher, or <paramref name="lesson"/> is given.</param>
    /// <param name="lesson">[n, V] float32: logarithms of a teacher's probabilities.</param>
    /// <param name="losses">[rows] float64; the elements of these rows are written.</param>
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
