using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>
/// Causal attention with a sliding window: softmax(q kᵀ / √d) v over keys j with 0 ≤ i - j ≤ window. A block of eight queries reads only
/// the keys of its windows. The backward pass recomputes the probabilities from the stored sums (arXiv:2205.14135). Queries and keys are
/// normalised, so a score is at most √d and the softmax needs no subtraction of the maximum.
/// </summary>
internal sealed unsafe partial class AttentionKernel : IDisposable
{
    // Queries of a block: they share the loads of each key, and their sums fit into the registers.
    private const int Block = 8;

    private readonly HeadShape shape;
    private readonly int keys;
    private readonly float scale;
    private readonly float* keysTransposed;
    private readonly float* valuesTransposed;
    private readonly float* scores;
    private readonly float* slopes;
    private readonly float* queries;
    private readonly float* outputs;
    private readonly OwnedMatrices all = new();

    public AttentionKernel(HeadShape shape)
    {
        this.shape = shape;
        keys = Simd.Padded(shape.Length);
        scale = (float)(1 / Math.Sqrt(shape.Width));
        try
        {
            keysTransposed = Numbers((long)shape.PaddedWidth * keys);
            valuesTransposed = Numbers((long)shape.PaddedWidth * keys);
            scores = Numbers((long)Block * keys);
            slopes = Numbers((long)Block * keys);
            queries = Numbers((long)Block * shape.PaddedWidth);
            outputs = Numbers((long)Block * shape.PaddedWidth);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <param name="q">[B, H, T, padded d], as k and v.</param>
    /// <param name="y">[n, C]; written.</param>
    /// <param name="sums">[B, H, T]; written: 1 / the sum of each query's exponentials.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Forward(float* q, float* k, float* v, float* y, float* sums, int window)
    {
        var (length, dp) = (shape.Length, shape.PaddedWidth);
        for (var one = 0; one < shape.Batch * shape.Heads; one++)
        {
            var start = (long)one * length * dp;
            var to = y + ((long)(one / shape.Heads) * length * shape.Channels) + (one % shape.Heads * shape.Width);
            Transpose(k + start, keysTransposed);
            for (var first = 0; first < length; first += Block)
            {
                var (low, high) = Window(first, window);
                Scores(Queries(q + start, first), keysTransposed, low, high, scores);
                for (var i = 0; i < Block; i++)
                {
                    queries[i] = Softmax(scores + ((long)i * keys), low, high, first + i, window);
                    if (first + i < length)
                    {
                        sums[((long)one * length) + first + i] = queries[i];
                    }
                }

                Weighted(scores, v + start, low, Math.Min(high, length), outputs);
                for (var i = 0; i < Math.Min(Block, length - first); i++)
                {
                    for (var j = 0; j < shape.Width; j += Simd.Width)
                    {
                        Simd.Store(
                            Vector512.Load(outputs + (i * dp) + j) * Vector512.Create(queries[i]),
                            to + ((long)(first + i) * shape.Channels),
                            j,
                            shape.Width
                        );
                    }
                }
            }
        }
    }

    /// <param name="dOut">[B, H, T, padded d]: the gradient of the output.</param>
    /// <param name="along">[B, H, T]: the dot product of each head's output and its gradient.</param>
    /// <param name="dq">[B, H, T, padded d]; written, as <paramref name="dk"/> and <paramref name="dv"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Backward(float* q, float* k, float* v, float* sums, float* dOut, float* along, float* dq, float* dk, float* dv, int window)
    {
        var (length, dp) = (shape.Length, shape.PaddedWidth);
        for (var one = 0; one < shape.Batch * shape.Heads; one++)
        {
            var start = (long)one * length * dp;
            Transpose(k + start, keysTransposed);
            Transpose(v + start, valuesTransposed);
            new Span<float>(dk + start, length * dp).Clear();
            new Span<float>(dv + start, length * dp).Clear();
            for (var first = 0; first < length; first += Block)
            {
                var (low, high) = Window(first, window);
                var end = Math.Min(high, length);
                Scores(Queries(q + start, first), keysTransposed, low, high, scores);
                Scores(Queries(dOut + start, first), valuesTransposed, low, high, slopes);
                for (var i = 0; i < Block; i++)
                {
                    var row = ((long)one * length) + Math.Min(first + i, length - 1);
                    Slopes(i, low, high, first + i, window, sums[row], along[row]);
                }

                Weighted(slopes, k + start, low, end, outputs);
                new Span<float>(outputs, Math.Min(Block, length - first) * dp).CopyTo(
                    new Span<float>(dq + start + ((long)first * dp), Block * dp)
                );
                Spread(scores, Queries(dOut + start, first), dv + start, low, end);
                Spread(slopes, Queries(q + start, first), dk + start, low, end);
            }
        }
    }

    public void Dispose() => all.Dispose();

    private float* Numbers(long count)
    {
        var memory = all.Add(Matrix.Empty(1, count)).Data;
        new Span<float>(memory, checked((int)count)).Clear();
        return memory;
    }

    /// <summary>The range of keys that the block of queries from <paramref name="first"/> on sees, rounded to whole vectors.</summary>
    private (int Low, int High) Window(int first, int window) =>
        (Math.Max(0, first - window) / Simd.Width * Simd.Width, Simd.Padded(Math.Min(first + Block, shape.Length)));

    /// <summary>The rows of a block; an incomplete last block is copied and padded with zeros.</summary>
    private float* Queries(float* rows, int first)
    {
        var there = shape.Length - first;
        if (there >= Block)
        {
            return rows + ((long)first * shape.PaddedWidth);
        }

        var copied = new Span<float>(queries, Block * shape.PaddedWidth);
        copied.Clear();
        new Span<float>(rows + ((long)first * shape.PaddedWidth), there * shape.PaddedWidth).CopyTo(copied);
        return queries;
    }

    /// <summary>Replaces a query's scores with their exponentials; keys outside of its window get 0.</summary>
    /// <returns>1 / the sum of the exponentials.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Softmax(float* row, int low, int high, int query, int window)
    {
        var (factor, sum) = (Vector512.Create(scale), Vector512<float>.Zero);
        for (var j = low; j < high; j += Simd.Width)
        {
            var e = Seen(Simd.ExpNear(Vector512.Load(row + j) * factor), j, query, window);
            sum += e;
            e.Store(row + j);
        }

        return 1 / Simd.Sum(sum);
    }

    /// <summary>Replaces a query's scores with its probabilities, and the gradient of the probabilities with that of the scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Slopes(int i, int low, int high, int query, int window, float inverse, float along)
    {
        float* score = scores + ((long)i * keys),
            slope = slopes + ((long)i * keys);
        if (query >= shape.Length)
        {
            new Span<float>(score + low, high - low).Clear();
            new Span<float>(slope + low, high - low).Clear();
            return;
        }

        var (share, factor, product) = (Vector512.Create(inverse), Vector512.Create(scale), Vector512.Create(along));
        for (var j = low; j < high; j += Simd.Width)
        {
            var p = Seen(Simd.ExpNear(Vector512.Load(score + j) * factor) * share, j, query, window);
            p.Store(score + j);
            (p * (Vector512.Load(slope + j) - product) * factor).Store(slope + j);
        }
    }

    /// <summary>Loads the values of sixteen keys, with 0 for keys outside of the query's window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Seen(Vector512<float> numbers, int j, int query, int window)
    {
        if (j + Simd.Width - 1 <= query && j >= query - window)
        {
            return numbers;
        }

        var key = Vector512<int>.Indices + Vector512.Create(j);
        var seen =
            Vector512.LessThanOrEqual(key, Vector512.Create(query)) & Vector512.GreaterThanOrEqual(key, Vector512.Create(query - window));
        return Vector512.ConditionalSelect(seen.AsSingle(), numbers, Vector512<float>.Zero);
    }
}
