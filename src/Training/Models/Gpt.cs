using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// The transformer of the records: RMS norm, rotary positions, SwiGLU, value embeddings from the embedded input, residual and x0 lambdas,
/// U-Net skips, looped layers, softcap. Holds no parameters: the weights come with each call, and the caller's dispose scope owns the
/// results.
/// </summary>
internal sealed class Gpt : IDisposable
{
    /// <summary>Of the multi-token block's dropout masks: numbered from the far end, since they must not be those of a layer.</summary>
    internal const int FurtherPlace = int.MaxValue / 2;

    private readonly ModelRecipe model;
    private readonly RotaryPhases rotary;
    private readonly WindowMasks masks;
    private readonly IBlockOperations operations;
    private readonly CausalSelfAttention attention;
    private readonly Scalar softcap;
    private readonly Scalar inverseSoftcap;

    /// <param name="operations">Null: composed ones.</param>
    public Gpt(ModelRecipe model, Device device, IBlockOperations? operations = null)
        : this(model, new RotaryPhases(model, device), device, ScalarType.Float32, operations) { }

    /// <param name="rotary">Owned by the model from now on.</param>
    /// <param name="type">Of the weights.</param>
    /// <param name="operations">Null: composed ones.</param>
    internal Gpt(ModelRecipe model, RotaryPhases rotary, Device device, ScalarType type, IBlockOperations? operations = null)
    {
        this.model = model;
        this.operations = operations ?? new ComposedOperations(model.Products);
        this.rotary = rotary;
        masks = new WindowMasks(device, type);
        attention = new CausalSelfAttention(
            model,
            masks,
            this.operations,
            flash: model.Products == MatrixPrecision.BF16 && WindowedFlash.Obstacle(device, model.Width / model.Heads) is null
        );
        softcap = Scalars.Of(model.Softcap);
        inverseSoftcap = Scalars.Of(1 / model.Softcap);
    }

    /// <summary>The positions that the finished model turns by.</summary>
    public RotaryTable Rotary => rotary.Last.Table;

    /// <summary>Everything but the unembedding.</summary>
    /// <param name="tokens">[B, T] int64.</param>
    /// <returns>[B·T, C], normalised.</returns>
    public Tensor Hidden(GptWeights weights, Tensor tokens, ForwardPass pass)
    {
        using var scope = NewDisposeScope();
        var length = tokens.shape[1];
        var x0 = Functional.RmsNorm(Embedded(weights, tokens.reshape(-1)));
        var lambdas = new Lambdas(weights);
        var x = x0;
        var place = 0;
        for (var again = 1; again < pass.Recurrences; again++)
        {
            // Truncated to the last pass, as upstream: earlier ones only prepare its input.
            using var frozen = no_grad();
            x = Functional.RmsNorm(Network(weights, lambdas, x, x0, length, pass, ref place));
        }

        x = Network(weights, lambdas, x, x0, length, pass, ref place);
        x = pass.Recurrences > 0 ? Functional.RmsNorm(x) : x;
        pass.Cache?.Advance(length);
        return Functional.RmsNorm(x).MoveToOuterDisposeScope();
    }

    /// <summary>Logits after the softcap, [N, V].</summary>
    /// <param name="hidden">[N, C].</param>
    /// <param name="rounded">The unembedding, rounded before; null: the one of the weights is read.</param>
    public Tensor Logits(GptWeights weights, Tensor hidden, RoundedUnembedding? rounded = null)
    {
        using var scope = NewDisposeScope();
        if (rounded is not null)
        {
            return rounded.Product(hidden).mul_(inverseSoftcap).tanh().mul(softcap).MoveToOuterDisposeScope();
        }

        var unembedding = model.TransposedUnembedding ? weights.Unembedding.narrow(1, 0, model.VocabSize).t() : weights.Unembedding;
        var z = Functional.Linear(hidden, unembedding, model.Products);
        return z.mul_(inverseSoftcap).tanh().mul(softcap).MoveToOuterDisposeScope();
    }

    /// <summary>The same weights with the mixtures of heads worked into the matrices, for passes that are many and small.</summary>
    /// <returns>New matrices are in the caller's dispose scope; all other tensors are the ones given.</returns>
    public GptWeights WithHeadsMixed(GptWeights weights) =>
        model.HeadMixing ? weights.WithHeadsMixed(block => CausalSelfAttention.Mixed(model, block)) : weights;

    /// <summary>Hidden states that predict one token further: from each position's own and the embedding of its next token.</summary>
    /// <param name="hidden">[B·T, C], of <see cref="Hidden"/>.</param>
    /// <param name="targets">[B, T] int64, the next tokens; -1 where there is none.</param>
    /// <returns>[B·(T-1), C], normalised; position t predicts targets[t + 1].</returns>
    public Tensor FurtherHidden(GptWeights weights, Tensor hidden, Tensor targets, ForwardPass pass)
    {
        using var scope = NewDisposeScope();
        long batch = targets.shape[0],
            length = targets.shape[1] - 1;
        var next = targets.narrow(1, 0, length).clamp_min(Scalars.Of(0)).reshape(-1);
        var embedded = Functional.RmsNorm(Embedded(weights, next));
        var known = hidden.view(batch, length + 1, model.Width).narrow(1, 0, length).reshape(batch * length, model.Width);
        var z = Functional.Linear(cat([known, embedded], 1), weights.MtpProjection!, model.Products);
        if (pass.Depth?.Keeps(model.Layers) ?? true)
        {
            var place = FurtherPlace;
            var layer = new AttentionLayer(model.SequenceLength, KeyOffset: false, Xsa: false, rotary.At(pass.Windows.Wide));
            z = Block(z, null, null, weights.MtpBlock!, null, layer, length, pass, ref place);
        }

        return Functional.RmsNorm(z).MoveToOuterDisposeScope();
    }

    /// <summary>Rows of the embedding table, [N, C]; as upstream's table, they are bfloat16 numbers where products are.</summary>
    private Tensor Embedded(GptWeights weights, Tensor tokens)
    {
        var rows = weights.Embedding.index_select(0, tokens);
        return model.Products == MatrixPrecision.BF16 ? rows.to(ScalarType.BFloat16).to(ScalarType.Float32) : rows;
    }

    public void Dispose()
    {
        rotary.Dispose();
        masks.Dispose();
    }

    private Tensor Network(GptWeights weights, Lambdas lambdas, Tensor x, Tensor x0, long length, ForwardPass pass, ref int place)
    {
        var (half, attentions) = (model.Layers / 2, ParameterTable.Attentions(model));
        var encoded = new Tensor[half];
        var turning = rotary.At(pass.Windows.Wide);
        foreach (var layer in LayerVisits.Of(model.Layers, pass.Loop, pass.Layers))
        {
            var keeps = pass.Depth?.Keeps(layer) ?? true;
            (x, var normed) = operations.Mix(
                x,
                layer >= half ? encoded[model.Layers - 1 - layer] : null,
                x0,
                lambdas.Residual[layer],
                lambdas.X0[layer],
                layer >= half ? lambdas.Skip[layer - half] : null,
                keeps
            );
            if (keeps)
            {
                var long_ = AttentionWindows.IsLong(model, layer);
                var kind = new AttentionLayer(
                    pass.Windows.At(model, layer),
                    model.KeyOffset && long_,
                    model.Xsa is { } xsa && layer < (xsa.FirstLayers ?? model.Layers),
                    turning
                );
                for (var i = 0; i < attentions; i++)
                {
                    var block = weights.Blocks[(layer * attentions) + i];
                    x = Block(x, i == 0 ? normed : null, x0, block, kind.Xsa ? lambdas.Xsa?[layer] : null, kind, length, pass, ref place);
                }
            }
            else
            {
                place += 2 * attentions;
            }

            if (layer < half)
            {
                encoded[layer] = x;
            }
        }

        return x;
    }

    private Tensor Block(
        Tensor x,
        Tensor? normed,
        Tensor? x0,
        BlockWeights weights,
        Tensor? xsaAlpha,
        AttentionLayer layer,
        long length,
        ForwardPass pass,
        ref int place
    )
    {
        var first = place;
        place += 2;
        if (pass.Recompute is not { } gradients || !is_grad_enabled())
        {
            return Block(x, normed, x0, weights, xsaAlpha, layer, length, pass, first);
        }

        var source = weights.ValueProjection is null ? null : x0;
        Tensor[] inputs =
        [
            x,
            .. normed is null ? [] : (Tensor[])[normed],
            .. source is null ? [] : (Tensor[])[source],
            .. xsaAlpha is null ? [] : (Tensor[])[xsaAlpha],
            .. weights.Tensors,
        ];
        return RecomputedBlock.Run(
            given =>
            {
                var next = 1;
                var givenNormed = normed is null ? null : given[next++];
                var givenSource = source is null ? null : given[next++];
                var givenAlpha = xsaAlpha is null ? null : given[next++];
                return Block(
                    given[0],
                    givenNormed,
                    givenSource,
                    weights.With([.. given.Skip(next)]),
                    givenAlpha,
                    layer,
                    length,
                    pass,
                    first
                );
            },
            inputs,
            gradients
        );
    }

    private Tensor Block(
        Tensor x,
        Tensor? normed,
        Tensor? x0,
        BlockWeights weights,
        Tensor? xsaAlpha,
        AttentionLayer layer,
        long length,
        ForwardPass pass,
        int place
    )
    {
        using var scope = NewDisposeScope();
        var value = weights.ValueProjection is { } projection ? operations.Linear(x0!, projection) : null;
        var attended = attention.Forward(
            weights.Scaled(normed ?? operations.Norm(x), BlockNorm.Attention),
            weights,
            value,
            xsaAlpha,
            layer,
            length,
            pass.Cache?.Visit(place / 2)
        );
        (x, normed) = operations.Add(x, attended, pass.Dropout, place, norm: weights.MlpInput is not null);
        if (weights.MlpInput is null)
        {
            return x.MoveToOuterDisposeScope();
        }

        var gates = operations.Linear(weights.Scaled(normed ?? operations.Norm(x), BlockNorm.Mlp), weights.MlpInput);
        var computed = operations.Linear(operations.SwiGlu(gates), weights.MlpOutput!);
        (x, _) = operations.Add(x, computed, pass.MlpDropout ? pass.Dropout : null, place + 1, norm: false);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The per-layer scalars, taken apart once for each pass.</summary>
    private sealed class Lambdas(GptWeights weights)
    {
        public Tensor[] Residual { get; } = weights.ResidualLambdas.unbind();

        public Tensor[] X0 { get; } = weights.X0Lambdas.unbind();

        public Tensor[] Skip { get; } = weights.SkipWeights.unbind();

        public Tensor[]? Xsa { get; } = weights.XsaAlphas?.unbind();
    }
}
