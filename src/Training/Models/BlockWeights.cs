using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>The parameters of one layer, as the forward pass uses them; or of one attention of a layer that shares its block, the last of
/// which has the MLP.</summary>
internal sealed record BlockWeights
{
    /// <summary>c_q, c_k, c_v below each other, [3C, C]: one product instead of three.</summary>
    public required Tensor QueryKeyValue { get; init; }

    /// <summary>[C, C].</summary>
    public required Tensor AttentionOutput { get; init; }

    /// <summary>[H, 12].</summary>
    public required Tensor AttentionGate { get; init; }

    /// <summary>[H, 32]; null without value embedding.</summary>
    public Tensor? ValueGate { get; init; }

    /// <summary>[C, C]; null without value embedding.</summary>
    public Tensor? ValueProjection { get; init; }

    /// <summary>q_mix, k_mix and v_mix, each [H, H]; empty: heads are not mixed.</summary>
    public IReadOnlyList<Tensor> HeadMixes { get; init; } = [];

    /// <summary>c_gate above c_fc, [2·hidden, C]; null: another attention comes first.</summary>
    public Tensor? MlpInput { get; init; }

    /// <summary>[C, hidden]; null with <see cref="MlpInput"/>.</summary>
    public Tensor? MlpOutput { get; init; }

    /// <summary>A gain and a bias for each <see cref="BlockNorm"/> in turn; empty: norms have none.</summary>
    public IReadOnlyList<Tensor> Norms { get; init; } = [];

    /// <summary>All of them, in a fixed order.</summary>
    public IEnumerable<Tensor> Tensors
    {
        get
        {
            yield return QueryKeyValue;
            yield return AttentionOutput;
            yield return AttentionGate;
            if (ValueProjection is not null)
            {
                yield return ValueGate!;
                yield return ValueProjection;
            }

            foreach (var mix in HeadMixes)
            {
                yield return mix;
            }

            foreach (var norm in Norms)
            {
                yield return norm;
            }

            if (MlpInput is not null)
            {
                yield return MlpInput;
                yield return MlpOutput!;
            }
        }
    }

    /// <summary>What a norm gives, with the gain and bias that the layer has for it, in the type of what is given.</summary>
    /// <param name="normed">[…, n]; the same where norms have none.</param>
    public Tensor Scaled(Tensor normed, BlockNorm norm)
    {
        if (Norms.Count == 0)
        {
            return normed;
        }

        var scaled = normed.mul(Norms[2 * (int)norm]).add(Norms[(2 * (int)norm) + 1], Scalars.One);
        return scaled.dtype == normed.dtype ? scaled : scaled.to(normed.dtype);
    }

    /// <summary>The same layer with other tensors.</summary>
    /// <param name="tensors">In the order of <see cref="Tensors"/>.</param>
    public BlockWeights With(IReadOnlyList<Tensor> tensors)
    {
        var next = 0;
        return new BlockWeights
        {
            QueryKeyValue = tensors[next++],
            AttentionOutput = tensors[next++],
            AttentionGate = tensors[next++],
            ValueGate = ValueProjection is null ? null : tensors[next++],
            ValueProjection = ValueProjection is null ? null : tensors[next++],
            HeadMixes = [.. HeadMixes.Select(_ => tensors[next++])],
            Norms = [.. Norms.Select(_ => tensors[next++])],
            MlpInput = MlpInput is null ? null : tensors[next++],
            MlpOutput = MlpInput is null ? null : tensors[next],
        };
    }

    public static BlockWeights Of(ModelRecipe model, string prefix, int? layer, IParameterSource parameters)
    {
        var hasValue = layer is { } index && ParameterTable.HasValueEmbedding(model, index);
        return new BlockWeights
        {
            QueryKeyValue = parameters.Rows($"{prefix}.attn.c_q.weight", $"{prefix}.attn.c_k.weight", $"{prefix}.attn.c_v.weight"),
            AttentionOutput = parameters.Of($"{prefix}.attn.c_proj.weight"),
            AttentionGate = parameters.Of($"{prefix}.attn.attn_gate.weight"),
            ValueGate = hasValue ? parameters.Of($"{prefix}.attn.ve_gate.weight") : null,
            ValueProjection = hasValue ? parameters.Of(ParameterTable.ValueProjection(layer!.Value)) : null,
            HeadMixes = Mixes(model, $"{prefix}.attn", parameters),
            MlpInput = parameters.Rows($"{prefix}.mlp.c_gate.weight", $"{prefix}.mlp.c_fc.weight"),
            MlpOutput = parameters.Of($"{prefix}.mlp.c_proj.weight"),
        };
    }

    /// <summary>q_mix, k_mix and v_mix of an attention, as far as the recipe has them.</summary>
    public static IReadOnlyList<Tensor> Mixes(ModelRecipe model, string prefix, IParameterSource parameters) =>
        !model.HeadMixing ? []
        : model.HeadMixingValues ? [parameters.Of($"{prefix}.q_mix"), parameters.Of($"{prefix}.k_mix"), parameters.Of($"{prefix}.v_mix")]
        : [parameters.Of($"{prefix}.q_mix"), parameters.Of($"{prefix}.k_mix")];
}
