using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>The kernels of clipping and of the optimizer's element-wise parts: <see cref="OptimizerKernels"/> on a device. All tensors are
/// float32 and changed in place.</summary>
internal sealed class UpdateKernels(CudaKernels kernels)
{
    // The same as in the source.
    private const long Lanes = 256;
    private const long Piece = 4096;

    /// <summary>Elements whose squares one block adds.</summary>
    public const long SquareNumbers = 65536;

    /// <summary>Σ x² of each piece of <see cref="SquareNumbers"/> elements; the last may be shorter.</summary>
    /// <param name="x">Flat, not empty.</param>
    /// <returns>[pieces, 1] float64. The caller's dispose scope owns it.</returns>
    public Tensor SquareSums(Tensor x)
    {
        var parts = empty([Pieces(x.numel(), SquareNumbers), 1], ScalarType.Float64, x.device);
        kernels.Launch("square_sum", parts.shape[0], x, x.numel(), parts);
        return parts;
    }

    /// <summary>The sum of all <see cref="SquareSums"/>, by a tree that depends on their number alone.</summary>
    public Tensor Added(Tensor sums) => BlockKernels.Summed(kernels, sums);

    /// <summary>Scales x by the factor that clips a gradient with this sum of squares to <paramref name="maximumNorm"/>.</summary>
    /// <param name="x">The gradient or a part of it, flat and not empty.</param>
    public void Clip(Tensor x, Tensor squares, double maximumNorm) =>
        kernels.Launch("clip", Pieces(x.numel(), Piece), x, x.numel(), squares, maximumNorm);

    public void AdamW(Tensor p, Tensor g, Tensor m, Tensor v, in AdamWScalars scalars) =>
        kernels.Launch(
            "adamw",
            Pieces(p.numel(), Piece),
            p,
            g,
            m,
            v,
            scalars.Decay,
            scalars.Beta1,
            scalars.New1,
            scalars.Beta2,
            scalars.New2,
            scalars.Root,
            scalars.Epsilon,
            scalars.Rate,
            p.numel()
        );

    /// <summary>m = momentum·m + rest·g.</summary>
    /// <returns>rest·g + momentum·m: Nesterov momentum.</returns>
    public Tensor Momentum(Tensor g, Tensor m, float momentum, float rest)
    {
        var u = empty_like(g);
        kernels.Launch("momentum", Pieces(g.numel(), Piece), g, m, u, momentum, rest, g.numel());
        return u;
    }

    /// <summary>Divides every row by its norm.</summary>
    /// <param name="u">[N, R, K].</param>
    public void NormalizeRows(Tensor u) => kernels.Launch("normalize_rows", u.numel() / u.shape[2], u, (int)u.shape[2]);

    /// <summary>Divides the update by the root of its running mean squares, and applies it.</summary>
    /// <param name="p">[N, R, K].</param>
    /// <param name="x">The orthogonalised update, of the shape of p.</param>
    /// <param name="second">[N, R, 1] of tall matrices, [N, 1, K] of wide ones.</param>
    public void NormalizedStep(Tensor p, Tensor x, Tensor second, in MuonScalars scalars)
    {
        var (n, rows, columns) = (p.shape[0], (int)p.shape[1], (int)p.shape[2]);
        var tall = rows >= columns;
        using var means = empty_like(second);
        if (tall)
        {
            kernels.Launch("row_squares", n * rows, x, means, columns);
        }
        else
        {
            kernels.Launch("column_squares", n * Pieces(columns, Lanes), x, means, rows, columns);
        }

        kernels.Launch("even_out", n, means, second, scalars.Beta2, scalars.New2, tall ? rows : columns, tall ? columns : rows);
        kernels.Launch("muon_step", n * rows, p, x, means, scalars.Rate, scalars.RateDecay, tall ? 1 : 0, rows, columns);
    }

    private static long Pieces(long count, long piece) => (count + piece - 1) / piece;
}
