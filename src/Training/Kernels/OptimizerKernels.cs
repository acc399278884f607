using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>The element-wise parts of the optimizer, each in one pass over memory (composed operations take about ten).</summary>
internal static unsafe class OptimizerKernels
{
    // Elements whose squares are summed in float32; the sums are then added in float64.
    public const int BlockNumbers = 4096;

    /// <summary>Σ x² of each block of <see cref="BlockNumbers"/> elements; the last block may be shorter.</summary>
    /// <param name="sums">One for each block.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SquareSums(float* x, long count, Span<float> sums)
    {
        for (long start = 0; start < count; start += BlockNumbers)
        {
            sums[(int)(start / BlockNumbers)] = BlockSum(x + start, (int)Math.Min(BlockNumbers, count - start));
        }
    }

    /// <summary>The sum of the sums of blocks, in order.</summary>
    public static double Added(ReadOnlySpan<float> sums)
    {
        double total = 0;
        foreach (var sum in sums)
        {
            total += sum;
        }

        return total;
    }

    /// <summary>Σ x².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SquareSum(float* x, long count)
    {
        double total = 0;
        for (long start = 0; start < count; start += BlockNumbers)
        {
            total += BlockSum(x + start, (int)Math.Min(BlockNumbers, count - start));
        }

        return total;
    }

    /// <summary>x = factor·x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* x, float factor, long count)
    {
        for (long start = 0; start < count; start += BlockNumbers)
        {
            var n = (int)Math.Min(BlockNumbers, count - start);
            for (var i = 0; i < n; i += Simd.Width)
            {
                Simd.Store(Simd.Load(x + start, i, n) * Vector512.Create(factor), x + start, i, n);
            }
        }
    }

    /// <summary>One step of AdamW (arXiv:1711.05101), the decay first.</summary>
    /// <param name="p">Parameters; <paramref name="m"/> and <paramref name="v"/> their moments.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AdamW(float* p, float* g, float* m, float* v, in AdamWScalars scalars, long count)
    {
        var (decay, beta1, new1) = (Vector512.Create(scalars.Decay), Vector512.Create(scalars.Beta1), Vector512.Create(scalars.New1));
        var (beta2, new2, root) = (Vector512.Create(scalars.Beta2), Vector512.Create(scalars.New2), Vector512.Create(scalars.Root));
        var (epsilon, rate) = (Vector512.Create(scalars.Epsilon), Vector512.Create(scalars.Rate));
        for (long start = 0; start < count; start += BlockNumbers)
        {
            var n = (int)Math.Min(BlockNumbers, count - start);
            for (var i = 0; i < n; i += Simd.Width)
            {
                var slope = Simd.Load(g + start, i, n);
                var first = Simd.MulAdd(slope, new1, Simd.Load(m + start, i, n) * beta1);
                var second = Simd.MulAdd(slope * slope, new2, Simd.Load(v + start, i, n) * beta2);
                Simd.Store(first, m + start, i, n);
                Simd.Store(second, v + start, i, n);
                var size = Simd.MulAdd(Vector512.Sqrt(second), root, epsilon);
                Simd.Store((Simd.Load(p + start, i, n) * decay) - (first / size * rate), p + start, i, n);
            }
        }
    }

    /// <summary>m = momentum·m + (1 - momentum)·g, u = (1 - momentum)·g + momentum·m: Nesterov momentum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Momentum(float* g, float* m, float* u, float momentum, float rest, long count)
    {
        var (kept, added) = (Vector512.Create(momentum), Vector512.Create(rest));
        for (long start = 0; start < count; start += BlockNumbers)
        {
            var n = (int)Math.Min(BlockNumbers, count - start);
            for (var i = 0; i < n; i += Simd.Width)
            {
                var slope = Simd.Load(g + start, i, n) * added;
                var first = Simd.MulAdd(Simd.Load(m + start, i, n), kept, slope);
                Simd.Store(first, m + start, i, n);
                Simd.Store(Simd.MulAdd(first, kept, slope), u + start, i, n);
            }
        }
    }

    /// <summary>Divides every row by its norm, or by 1e-7 if that is larger.</summary>
    public static void NormalizeRows(float* u, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
        {
            var from = u + ((long)row * columns);
            Scale(from, (float)(1 / AtLeast(Math.Sqrt(SquareSum(from, columns)), 1e-7)), columns);
        }
    }

    /// <summary>
    /// Divides the rows of a tall matrix, or the columns of a wide one, by the root of their running mean square (arXiv:2510.05491),
    /// restores the norm of the matrix, and applies the update with cautious weight decay (arXiv:2411.16085).
    /// </summary>
    /// <param name="x">[R, K]: the orthogonalised update.</param>
    /// <param name="second">[R] of a tall matrix, [K] of a wide one: their running mean squares.</param>
    /// <param name="means">Scratch memory of this thread, of the length of <paramref name="second"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void NormalizedStep(float* p, float* x, float* second, float* means, in MuonScalars scalars, int rows, int columns)
    {
        var tall = rows >= columns;
        var (kept, averaged) = tall ? (rows, columns) : (columns, rows);
        MeanSquares(x, means, rows, columns);
        double before = 0,
            after = 0;
        for (var i = 0; i < kept; i++)
        {
            second[i] = (second[i] * scalars.Beta2) + (means[i] * scalars.New2);
            var scale = 1 / MathF.Sqrt(AtLeast(second[i], 1e-10f));
            before += means[i];
            after += (double)means[i] * scale * scale;
            means[i] = scale;
        }

        var length = (float)(Math.Sqrt(before * averaged) / AtLeast(Math.Sqrt(after * averaged), 1e-10));
        for (var i = 0; i < kept; i++)
        {
            means[i] *= length;
        }

        var (rate, decay) = (Vector512.Create(scalars.Rate), Vector512.Create(scalars.RateDecay));
        for (var row = 0; row < rows; row++)
        {
            var at = (long)row * columns;
            for (var i = 0; i < columns; i += Simd.Width)
            {
                var factor = tall ? Vector512.Create(means[row]) : Simd.Load(means, i, columns);
                var (update, weight) = (Simd.Load(x + at, i, columns) * factor, Simd.Load(p + at, i, columns));
                // Cautious decay: applied only where update and weight have the same sign, so that both move the weight in one direction.
                var same = Vector512.GreaterThanOrEqual(update * weight, Vector512<float>.Zero);
                var decayed = Vector512.ConditionalSelect(same, weight, weight * Vector512<float>.Zero);
                Simd.Store(weight - (update * rate) - (decayed * decay), p + at, i, columns);
            }
        }
    }

    /// <summary>Mean squares of the rows of a tall matrix, or of the columns of a wide one.</summary>
    private static void MeanSquares(float* x, float* means, int rows, int columns)
    {
        if (rows >= columns)
        {
            for (var row = 0; row < rows; row++)
            {
                means[row] = RowKernels.Dot(x + ((long)row * columns), x + ((long)row * columns), columns) / columns;
            }

            return;
        }

        for (var i = 0; i < columns; i += Simd.Width)
        {
            var sum = Vector512<float>.Zero;
            for (var row = 0; row < rows; row++)
            {
                var v = Simd.Load(x + ((long)row * columns), i, columns);
                sum = Simd.MulAdd(v, v, sum);
            }

            Simd.Store(sum / Vector512.Create((float)rows), means, i, columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float BlockSum(float* x, int n)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < n; i += Simd.Width)
        {
            var v = Simd.Load(x, i, n);
            sum = Simd.MulAdd(v, v, sum);
        }

        return Simd.Sum(sum);
    }

    // A NaN stays a NaN: the comparison is false.
    private static double AtLeast(double x, double floor) => x < floor ? floor : x;

    private static float AtLeast(float x, float floor) => x < floor ? floor : x;
}
