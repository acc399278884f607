using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slowrun.Core.Models;

namespace Slowrun.Training.Kernels;

/// <summary>Operations on the rows of the residual stream, [n, c], forward and backward.</summary>
internal static unsafe class RowKernels
{
    // Rows whose products are summed in float32; the sums are then added in float64.
    private const int BlockRows = 64;

    /// <summary>x = rms(table[tokens]).</summary>
    /// <param name="stride">Distance of two sequences in tokens; the first <paramref name="length"/> tokens of each are read.</param>
    /// <param name="r">[n]: the normalisation factor of each row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Embed(float* table, long* tokens, int stride, int length, float* x, float* r, int n, int c)
    {
        for (var row = 0; row < n; row++)
        {
            float* from = table + (tokens[((row / length) * (long)stride) + (row % length)] * c),
                to = x + ((long)row * c);
            var squares = Vector512<float>.Zero;
            for (var i = 0; i < c; i += Simd.Width)
            {
                var v = Simd.Load(from, i, c);
                squares = Simd.MulAdd(v, v, squares);
            }

            Scaled(from, r[row] = Factor(squares, c), to, c);
        }
    }

    /// <summary>The backward pass of <see cref="Embed"/>: adds to the rows of the table's gradient.</summary>
    /// <param name="dx">The gradient of x.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void EmbedBack(float* gradient, long* tokens, int stride, int length, float* dx, float* x, float* r, int n, int c)
    {
        for (var row = 0; row < n; row++)
        {
            float* to = gradient + (tokens[((row / length) * (long)stride) + (row % length)] * c),
                d = dx + ((long)row * c),
                y = x + ((long)row * c);
            var (along, factor) = (Vector512.Create(Dot(d, y, c) / c), Vector512.Create(r[row]));
            for (var i = 0; i < c; i += Simd.Width)
            {
                var g = Simd.Load(d, i, c) - (Simd.Load(y, i, c) * along);
                Simd.Store(Simd.MulAdd(g, factor, Simd.Load(to, i, c)), to, i, c);
            }
        }
    }

    /// <summary>x = lambda (before + skip·encoded) + lambda0·x0, and a = rms(x).</summary>
    /// <param name="encoded">Null: no skip.</param>
    /// <param name="a">Null: x is not normalised.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mix(float* before, float* encoded, float* x0, in MixScalars scalars, float* x, float* a, float* r, int n, int c)
    {
        var (lambda, lambda0, skip) = scalars.Vectors;
        for (var row = 0; row < n; row++)
        {
            var at = (long)row * c;
            var squares = Vector512<float>.Zero;
            for (var i = 0; i < c; i += Simd.Width)
            {
                var v = Simd.Load(before + at, i, c);
                v = encoded == null ? v : Simd.MulAdd(Simd.Load(encoded + at, i, c), skip, v);
                v = Simd.MulAdd(Simd.Load(x0 + at, i, c), lambda0, v * lambda);
                squares = Simd.MulAdd(v, v, squares);
                Simd.Store(v, x + at, i, c);
            }

            if (a != null)
            {
                Scaled(x + at, r[row] = Factor(squares, c), a + at, c);
            }
        }
    }

    /// <summary>The backward pass of <see cref="Mix"/>.</summary>
    /// <param name="dx">In: the gradient of x, without the part through a. Out: the gradient of before.</param>
    /// <param name="da">Null: x was not normalised.</param>
    /// <param name="dx0">Added to.</param>
    /// <param name="dEncoded">Written, or added to if <paramref name="addEncoded"/>; null: no skip.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static MixGradients MixBack(
        float* dx,
        float* da,
        float* a,
        float* r,
        float* before,
        float* encoded,
        float* x0,
        in MixScalars scalars,
        float* dx0,
        float* dEncoded,
        bool addEncoded,
        int n,
        int c
    )
    {
        var (lambda, lambda0, skip) = scalars.Vectors;
        double sum = 0,
            sum0 = 0,
            sumSkip = 0;
        for (var block = 0; block < n; block += BlockRows)
        {
            Vector512<float> ofLambda = default,
                ofLambda0 = default,
                ofSkip = default;
            for (var row = block; row < Math.Min(n, block + BlockRows); row++)
            {
                var at = (long)row * c;
                var along = da == null ? default : Vector512.Create(Dot(da + at, a + at, c) / c);
                var factor = da == null ? default : Vector512.Create(r[row]);
                for (var i = 0; i < c; i += Simd.Width)
                {
                    var g = Simd.Load(dx + at, i, c);
                    if (da != null)
                    {
                        g = Simd.MulAdd(Simd.Load(da + at, i, c) - (Simd.Load(a + at, i, c) * along), factor, g);
                    }

                    var mixed = Simd.Load(before + at, i, c);
                    if (encoded != null)
                    {
                        var e = Simd.Load(encoded + at, i, c);
                        mixed = Simd.MulAdd(e, skip, mixed);
                        ofSkip = Simd.MulAdd(g * lambda, e, ofSkip);
                        var d = g * lambda * skip;
                        Simd.Store(addEncoded ? d + Simd.Load(dEncoded + at, i, c) : d, dEncoded + at, i, c);
                    }

                    var start = Simd.Load(x0 + at, i, c);
                    ofLambda = Simd.MulAdd(g, mixed, ofLambda);
                    ofLambda0 = Simd.MulAdd(g, start, ofLambda0);
                    Simd.Store(Simd.MulAdd(g, lambda0, Simd.Load(dx0 + at, i, c)), dx0 + at, i, c);
                    Simd.Store(g * lambda, dx + at, i, c);
                }
            }

            sum += Simd.Sum(ofLambda);
            sum0 += Simd.Sum(ofLambda0);
            sumSkip += Simd.Sum(ofSkip);
        }

        return new MixGradients(sum, sum0, sumSkip);
    }

    /// <summary>x += drop(branch), and m = rms(x).</summary>
    /// <param name="branch">Null: x is only normalised.</param>
    /// <param name="m">Null: x is not normalised.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddNorm(float* x, float* branch, in DropoutMask mask, float* m, float* r, int n, int c)
    {
        var drop = mask;
        for (var row = 0; row < n; row++)
        {
            var at = (long)row * c;
            var squares = Vector512<float>.Zero;
            for (var i = 0; i < c; i += Simd.Width)
            {
                var v = Simd.Load(x + at, i, c);
                if (branch != null)
                {
                    v += drop.Apply(Simd.Load(branch + at, i, c), at + i);
                    Simd.Store(v, x + at, i, c);
                }

                squares = Simd.MulAdd(v, v, squares);
            }

            if (m != null)
            {
                Scaled(x + at, r[row] = Factor(squares, c), m + at, c);
            }
        }
    }

    /// <summary>The backward pass of <see cref="AddNorm"/>.</summary>
    /// <param name="dx">In: the gradient of x, without the part through m. Out: all of it, also that of x before the branch.</param>
    /// <param name="dm">Null: x was not normalised.</param>
    /// <param name="dBranch">Written; null: there was no branch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddNormBack(float* dx, float* dm, float* m, float* r, in DropoutMask mask, float* dBranch, int n, int c)
    {
        var drop = mask;
        for (var row = 0; row < n; row++)
        {
            var at = (long)row * c;
            var along = dm == null ? default : Vector512.Create(Dot(dm + at, m + at, c) / c);
            var factor = dm == null ? default : Vector512.Create(r[row]);
            for (var i = 0; i < c; i += Simd.Width)
            {
                var g = Simd.Load(dx + at, i, c);
                if (dm != null)
                {
                    g = Simd.MulAdd(Simd.Load(dm + at, i, c) - (Simd.Load(m + at, i, c) * along), factor, g);
                    Simd.Store(g, dx + at, i, c);
                }

                if (dBranch != null)
                {
                    Simd.Store(drop.Apply(g, at + i), dBranch + at, i, c);
                }
            }
        }
    }

    /// <summary>h = silu(g)·f, where a row of gates is g followed by f.</summary>
    /// <param name="gates">[n, 2·hidden].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGlu(float* gates, float* h, int n, int hidden)
    {
        for (var row = 0; row < n; row++)
        {
            float* g = gates + ((long)row * 2 * hidden),
                to = h + ((long)row * hidden);
            for (var i = 0; i < hidden; i += Simd.Width)
            {
                var v = Simd.Load(g, i, hidden);
                Simd.Store(v * Simd.Sigmoid(v) * Simd.Load(g + hidden, i, hidden), to, i, hidden);
            }
        }
    }

    /// <summary>The backward pass of <see cref="SwiGlu"/>.</summary>
    /// <param name="dh">In: the gradient of h. Out: h, since computing it again takes less time than reading a stored copy.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGluBack(float* gates, float* dh, float* dGates, int n, int hidden)
    {
        for (var row = 0; row < n; row++)
        {
            float* g = gates + ((long)row * 2 * hidden),
                d = dh + ((long)row * hidden),
                to = dGates + ((long)row * 2 * hidden);
            for (var i = 0; i < hidden; i += Simd.Width)
            {
                var (v, f, dy) = (Simd.Load(g, i, hidden), Simd.Load(g + hidden, i, hidden), Simd.Load(d, i, hidden));
                var s = Simd.Sigmoid(v);
                var slope = s * Simd.MulAdd(v, Vector512<float>.One - s, Vector512<float>.One);
                Simd.Store(dy * f * slope, to, i, hidden);
                Simd.Store(dy * v * s, to + hidden, i, hidden);
                Simd.Store(v * s * f, d, i, hidden);
            }
        }
    }

    /// <summary>left += right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* left, float* right, int count)
    {
        for (var i = 0; i < count; i += Simd.Width)
        {
            Simd.Store(Simd.Load(left, i, count) + Simd.Load(right, i, count), left, i, count);
        }
    }

    /// <summary>x = σ(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sigmoid(float* x, int count)
    {
        for (var i = 0; i < count; i += Simd.Width)
        {
            Simd.Store(Simd.Sigmoid(Simd.Load(x, i, count)), x, i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(float* a, float* b, int n)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < n; i += Simd.Width)
        {
            sum = Simd.MulAdd(Simd.Load(a, i, n), Simd.Load(b, i, n), sum);
        }

        return Simd.Sum(sum);
    }

    /// <summary>1 / √(mean + ε).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Factor(Vector512<float> squares, int n) =>
        1 / MathF.Sqrt((Simd.Sum(squares) / n) + (float)ParameterTable.RmsNormEpsilon);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scaled(float* from, float factor, float* to, int n)
    {
        for (var i = 0; i < n; i += Simd.Width)
        {
            Simd.Store(Simd.Load(from, i, n) * Vector512.Create(factor), to, i, n);
        }
    }
}
