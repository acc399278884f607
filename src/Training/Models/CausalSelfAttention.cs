using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>Attention of one layer with rotary positions, query-key norm, value embedding, head gates and sliding window.</summary>
/// <param name="flash">Whether the device has flash attention with windows, and products are bfloat16; else windows are masks.</param>
internal sealed class CausalSelfAttention(ModelRecipe model, WindowMasks masks, IBlockOperations operations, bool flash = false)
{
    private static readonly Scalar MinusOne = Scalars.Of(-1.0);
    private static readonly long[] Last = [-1];

    /// <param name="x">[B·T, C], normalised.</param>
    /// <param name="valueEmbedding">[B·T, C]; null: the layer has none.</param>
    /// <param name="xsaAlpha">[H], before its tanh; null where strength is fixed or the layer has none.</param>
    /// <param name="cache">Of this visit of the layer; null: the tokens given are all there are.</param>
    /// <returns>[B·T, C], after the output projection and before dropout.</returns>
    public Tensor Forward(
        Tensor x,
        BlockWeights weights,
        Tensor? valueEmbedding,
        Tensor? xsaAlpha,
        in AttentionLayer layer,
        long length,
        VisitCache? cache = null
    )
    {
        using var scope = NewDisposeScope();
        var heads = model.Heads;
        var qkv = operations.Linear(x, Mixed(model, weights));
        var valueGate = valueEmbedding is null
            ? null
            : operations.Linear(x.narrow(1, 0, ParameterTable.ValueGateChannels), weights.ValueGate!);
        var (q, k, v) = operations.Split(qkv, layer.Rotary.Table, cache?.Length ?? 0, valueEmbedding, valueGate, length, heads);
        (q, k) = (weights.Scaled(q, BlockNorm.Queries), weights.Scaled(k, BlockNorm.Keys));
        // Before they are rounded: scores grow as if they had been multiplied themselves.
        q = layer.Rotary.Scale is { } scale ? q.mul(scale) : q;
        Tensor y;
        if (cache is null)
        {
            k = layer.KeyOffset && length > 1 ? Shifted(k, k.shape[3]) : k;
            y = flash ? Flash(q, k, v, layer.Window) : Masked(q, k, v, layer.Window);
        }
        else
        {
            y = Continued(q, k, v, layer, cache);
        }

        if (layer.Xsa)
        {
            // Products' numbers are too coarse for it.
            var exclusive = Exclusive(Exact(y), Exact(v), xsaAlpha);
            y = exclusive.dtype == y.dtype ? exclusive : exclusive.to(y.dtype);
        }

        var gate = operations.Linear(x.narrow(1, 0, ParameterTable.AttentionGateChannels), weights.AttentionGate);
        return operations.Linear(operations.Open(y, gate), weights.AttentionOutput).MoveToOuterDisposeScope();
    }

    /// <summary>Takes from y, [B, T, H, d], the part along its value: y - α (y·v̂) v̂.</summary>
    /// <param name="alpha">[H], before its tanh; null: α = 1.</param>
    public static Tensor Exclusive(Tensor y, Tensor v, Tensor? alpha)
    {
        // Upstream's floors under the norm of v: 1e-4 where α is learnt, 1e-12 in the older record with α = 1.
        var floor = alpha is null ? 1e-12 : 1e-4;
        var direction = v.div(v.pow(Scalars.Two).sum(Last, keepdim: true).sqrt().clamp_min(Scalars.Of(floor)));
        var along = y.mul(direction).sum(Last, keepdim: true);
        return y.addcmul(direction, alpha is null ? along : along.mul(alpha.tanh().view(-1, 1)), MinusOne);
    }

    private static Tensor Exact(Tensor x) => x.dtype == ScalarType.BFloat16 ? x.to(ScalarType.Float32) : x;

    private Tensor Masked(Tensor q, Tensor k, Tensor v, int window) =>
        Functional
            .Attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), masks.Of(q.shape[1], window), model.Products)
            .transpose(1, 2);

    private static Tensor Flash(Tensor q, Tensor k, Tensor v, int window) =>
        WindowedFlash.Run(q.to(ScalarType.BFloat16), k.to(ScalarType.BFloat16), v.to(ScalarType.BFloat16), window).to(q.dtype);

    /// <summary>Attention of tokens that come after those in the cache: of several where it is empty, of one at a time
    /// afterwards.</summary>
    private Tensor Continued(Tensor q, Tensor k, Tensor v, in AttentionLayer layer, VisitCache cache)
    {
        var length = q.shape[1];
        if (length > 1 && cache.Length > 0)
        {
            throw new ArgumentException(
                $"{length} tokens at once after {cache.Length} others; behind the first ones they are read one at a time.",
                nameof(q)
            );
        }

        var shifted = layer.KeyOffset ? Shifted(k, k.shape[3], cache.LastKey) : k;
        var (keys, values) = cache.Append(k, shifted, v);
        // A single query sees all keys of its window; several need the mask that they would have without a cache.
        var seen = length > 1 ? keys.shape[1] : Math.Min(keys.shape[1], layer.Window + 1L);
        var mask = length > 1 ? masks.Of(length, layer.Window) : null;
        keys = keys.narrow(1, keys.shape[1] - seen, seen);
        values = values.narrow(1, values.shape[1] - seen, seen);
        return Functional
            .Attention(q.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2), mask, model.Products, causal: length > 1)
            .transpose(1, 2);
    }

    /// <summary>The second half of each key comes from the token before; the first token keeps its own.</summary>
    /// <param name="before">The key of the token before the first; null where there is none.</param>
    private static Tensor Shifted(Tensor k, long width, Tensor? before = null)
    {
        var length = k.shape[1];
        var (start, count) = (width / 2, width - (width / 2));
        var still = k.narrow(3, start, count);
        var shifted = cat([before is null ? still.narrow(1, 0, 1) : before.narrow(3, start, count), still.narrow(1, 0, length - 1)], 1);
        return cat([k.narrow(3, 0, start), shifted], 3);
    }

    /// <summary>The queries', keys' and values' matrix with the mixture of heads in it, [3C, C].</summary>
    public static Tensor Mixed(ModelRecipe model, BlockWeights weights)
    {
        if (weights.HeadMixes.Count == 0)
        {
            return weights.QueryKeyValue;
        }

        long width = model.Width,
            heads = model.Heads;
        var matrices = weights.QueryKeyValue.split([width, width, width], 0);
        return cat(
            [
                .. matrices.Select(
                    (matrix, i) =>
                        i < weights.HeadMixes.Count
                            ? weights.HeadMixes[i].mm(matrix.view(heads, width / heads * width)).view(width, width)
                            : matrix
                ),
            ]
        );
    }
}
