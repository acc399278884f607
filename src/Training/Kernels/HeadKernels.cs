using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>
/// The steps between the packed queries, keys and values, [n, 3C], and the heads that attention reads, [B, H, T, padded d]: rotary
/// positions and norms of queries and keys, and the gated value embedding. Also the gate on the output of attention.
/// </summary>
internal static unsafe class HeadKernels
{
    /// <param name="cos">[T, padded d].</param>
    /// <param name="sin">[T, padded d], with the sign of each element's rotation.</param>
    /// <param name="embedded">[n, C], the value embedding; null: none.</param>
    /// <param name="gate">[n, H], after its sigmoid.</param>
    /// <param name="rq">[n, H]: the normalisation factor of each query; likewise <paramref name="rk"/> of each key.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Split(
        float* qkv,
        float* cos,
        float* sin,
        float* embedded,
        float* gate,
        float* q,
        float* k,
        float* v,
        float* rq,
        float* rk,
        in HeadShape shape
    )
    {
        var (d, dp, c) = (shape.Width, shape.PaddedWidth, shape.Channels);
        var (one, places) = (0, new Places(shape));
        for (var row = 0; row < shape.Rows; row++, places.Next())
        {
            var from = qkv + ((long)row * 3 * c);
            var (place, turn) = (places.First, places.Turn);
            for (var head = 0; head < shape.Heads; head++, one++, place += places.Apart)
            {
                rq[one] = Turn(from + (head * d), cos + turn, sin + turn, q + place, d, dp);
                rk[one] = Turn(from + c + (head * d), cos + turn, sin + turn, k + place, d, dp);
                var value = from + (2 * c) + (head * d);
                var open = embedded == null ? default : Vector512.Create(2 * gate[one]);
                for (var j = 0; j < dp; j += Simd.Width)
                {
                    var x = Simd.Load(value, j, d);
                    x = embedded == null ? x : Simd.MulAdd(Simd.Load(embedded + ((long)row * c) + (head * d), j, d), open, x);
                    x.Store(v + place + j);
                }
            }
        }
    }

    /// <summary>The backward pass of <see cref="Split"/>.</summary>
    /// <param name="dq">The gradient of the heads; overwritten. Likewise <paramref name="dk"/>.</param>
    /// <param name="dEmbedded">[n, C]; added to.</param>
    /// <param name="dGate">[n, H]: the gradient of the gate before its sigmoid; written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SplitBack(
        float* dq,
        float* dk,
        float* dv,
        float* q,
        float* k,
        float* rq,
        float* rk,
        float* cos,
        float* sin,
        float* embedded,
        float* gate,
        float* dQkv,
        float* dEmbedded,
        float* dGate,
        in HeadShape shape
    )
    {
        var (d, dp, c) = (shape.Width, shape.PaddedWidth, shape.Channels);
        var (one, places) = (0, new Places(shape));
        for (var row = 0; row < shape.Rows; row++, places.Next())
        {
            var to = dQkv + ((long)row * 3 * c);
            var (place, turn) = (places.First, places.Turn);
            for (var head = 0; head < shape.Heads; head++, one++, place += places.Apart)
            {
                TurnBack(dq + place, q + place, rq[one], cos + turn, sin + turn, to + (head * d), d, dp);
                TurnBack(dk + place, k + place, rk[one], cos + turn, sin + turn, to + c + (head * d), d, dp);
                var at = ((long)row * c) + (head * d);
                var open = embedded == null ? default : Vector512.Create(2 * gate[one]);
                var along = Vector512<float>.Zero;
                for (var j = 0; j < d; j += Simd.Width)
                {
                    var g = Vector512.Load(dv + place + j);
                    Simd.Store(g, to + (2 * c) + (head * d), j, d);
                    if (embedded != null)
                    {
                        along = Simd.MulAdd(g, Simd.Load(embedded + at, j, d), along);
                        Simd.Store(Simd.MulAdd(g, open, Simd.Load(dEmbedded + at, j, d)), dEmbedded + at, j, d);
                    }
                }

                if (embedded != null)
                {
                    dGate[one] = 2 * Simd.Sum(along) * gate[one] * (1 - gate[one]);
                }
            }
        }
    }

    /// <summary>y = gate·y, in place.</summary>
    /// <param name="y">[n, C].</param>
    /// <param name="gate">[n, H].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gate(float* y, float* gate, in HeadShape shape)
    {
        var d = shape.Width;
        for (var one = 0; one < shape.Rows * shape.Heads; one++)
        {
            var head = y + ((long)one * d);
            for (var j = 0; j < d; j += Simd.Width)
            {
                Simd.Store(Simd.Load(head, j, d) * Vector512.Create(gate[one]), head, j, d);
            }
        }
    }

    /// <summary>The backward pass of <see cref="Gate"/>, to the inputs of attention's backward pass.</summary>
    /// <param name="dy">[n, C]: the gradient of the gated output.</param>
    /// <param name="y">[n, C]: the gated output.</param>
    /// <param name="dOut">[B, H, T, padded d]; written.</param>
    /// <param name="along">[B, H, T]: the dot product of each head's output and its gradient; written.</param>
    /// <param name="dGate">[n, H]: the gradient of the gate before its sigmoid; written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void GateBack(float* dy, float* y, float* gate, float* dOut, float* along, float* dGate, in HeadShape shape)
    {
        var (d, dp) = (shape.Width, shape.PaddedWidth);
        var (one, places) = (0, new Places(shape));
        for (var row = 0; row < shape.Rows; row++, places.Next())
        {
            var (place, products) = (places.First, places.First / dp);
            for (var head = 0; head < shape.Heads; head++, one++, place += places.Apart)
            {
                float* g = dy + ((long)one * d),
                    gated = y + ((long)one * d);
                var sum = Vector512<float>.Zero;
                for (var j = 0; j < dp; j += Simd.Width)
                {
                    var slope = Simd.Load(g, j, d);
                    sum = Simd.MulAdd(slope, Simd.Load(gated, j, d), sum);
                    (slope * Vector512.Create(gate[one])).Store(dOut + place + j);
                }

                // Σ dy·gate·out is the gradient of the gate times the gate, and the term that the softmax's backward pass subtracts.
                var product = Simd.Sum(sum);
                along[products + ((long)head * shape.Length)] = product;
                dGate[one] = product * (1 - gate[one]);
            }
        }
    }

    /// <summary>y = rms(u·cos + swap(u)·sin).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Turn(float* u, float* cos, float* sin, float* y, int d, int dp)
    {
        if (d == Simd.Width)
        {
            // A head of one vector stays in a register.
            var u0 = Vector512.Load(u);
            var all = Simd.MulAdd(Swapped(u, 0, d), Vector512.Load(sin), u0 * Vector512.Load(cos));
            var by = RowKernels.Factor(Simd.MulAdd(all, all, Vector512<float>.Zero), d);
            (all * Vector512.Create(by)).Store(y);
            return by;
        }

        var squares = Vector512<float>.Zero;
        for (var j = 0; j < dp; j += Simd.Width)
        {
            var turned = Simd.MulAdd(Swapped(u, j, d), Vector512.Load(sin + j), Simd.Load(u, j, d) * Vector512.Load(cos + j));
            squares = Simd.MulAdd(turned, turned, squares);
            turned.Store(y + j);
        }

        var factor = RowKernels.Factor(squares, d);
        for (var j = 0; j < dp; j += Simd.Width)
        {
            (Vector512.Load(y + j) * Vector512.Create(factor)).Store(y + j);
        }

        return factor;
    }

    /// <summary>The backward pass of <see cref="Turn"/>: the transpose of a rotation is the rotation by the opposite angle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnBack(float* dy, float* y, float factor, float* cos, float* sin, float* du, int d, int dp)
    {
        var along = Vector512.Create(RowKernels.Dot(dy, y, dp) / d);
        if (d == Simd.Width)
        {
            var g = (Vector512.Load(dy) - (Vector512.Load(y) * along)) * Vector512.Create(factor);
            var swapped = Vector512.Create(g.GetUpper(), g.GetLower());
            ((g * Vector512.Load(cos)) - (swapped * Vector512.Load(sin))).Store(du);
            return;
        }

        for (var j = 0; j < dp; j += Simd.Width)
        {
            ((Vector512.Load(dy + j) - (Vector512.Load(y + j) * along)) * Vector512.Create(factor)).Store(dy + j);
        }

        for (var j = 0; j < d; j += Simd.Width)
        {
            var turned = Vector512.Load(dy + j) * Vector512.Load(cos + j);
            Simd.Store(turned - (Swapped(dy, j, d) * Vector512.Load(sin + j)), du, j, d);
        }
    }

    /// <summary>Elements j to j + 15 of a head with its two halves swapped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Swapped(float* u, int j, int d)
    {
        var half = d / 2;
        return half % Simd.Width == 0 ? Vector512.Load(u + (j < half ? j + half : j - half))
            : d == Simd.Width ? Vector512.Create(Vector256.Load(u + half), Vector256.Load(u))
            : SwappedOdd(u, j, d);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> SwappedOdd(float* u, int j, int d)
    {
        var found = stackalloc float[Simd.Width];
        var half = d / 2;
        for (var i = 0; i < Simd.Width; i++)
        {
            var at = j + i;
            found[i] =
                at >= d ? 0
                : at < half ? u[at + half]
                : u[at - half];
        }

        return Vector512.Load(found);
    }

    /// <summary>Offsets of the heads of consecutive tokens in [B, H, T, padded d], found by counting instead of division.</summary>
    private struct Places(in HeadShape shape)
    {
        private readonly long sequence = (long)shape.Heads * shape.Length * shape.PaddedWidth;
        private readonly int width = shape.PaddedWidth;
        private long start;

        /// <summary>The distance between two heads of one token.</summary>
        public long Apart { get; } = (long)shape.Length * shape.PaddedWidth;

        /// <summary>The position of the token within its sequence.</summary>
        public int Turn { get; private set; }

        public readonly long First => start + Turn;

        public void Next()
        {
            Turn += width;
            if (Turn == Apart)
            {
                (Turn, start) = (0, start + sequence);
            }
        }
    }
}
