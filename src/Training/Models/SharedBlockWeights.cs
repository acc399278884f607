using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>The parameters of layers that are passes of two blocks, one attention after the other.</summary>
internal static class SharedBlockWeights
{
    /// <summary>The attentions of every layer in turn; tensors that layers share are the same ones.</summary>
    public static IEnumerable<BlockWeights> Of(ModelRecipe model, SharedBlocksRecipe shared, IParameterSource parameters)
    {
        var half = model.Layers / 2;
        foreach (
            var layers in (int[][])
                [
                    [.. Enumerable.Range(0, half)],
                    [.. Enumerable.Range(half, half)],
                ]
        )
        {
            var mlp = ParameterTable.SharedMlp(model, layers[0]);
            var (input, output) = (parameters.Rows($"{mlp}.c_gate.weight", $"{mlp}.c_fc.weight"), parameters.Of($"{mlp}.c_proj.weight"));
            var attentions = Enumerable
                .Range(0, shared.Attentions)
                .Select(attention =>
                {
                    var prefix = ParameterTable.SharedAttention(model, layers[0], attention);
                    return (
                        Matrices: parameters.Rows($"{prefix}.c_q.weight", $"{prefix}.c_k.weight", $"{prefix}.c_v.weight"),
                        Output: parameters.Of($"{prefix}.c_proj.weight"),
                        Mixes: BlockWeights.Mixes(model, prefix, parameters)
                    );
                })
                .ToList();
            foreach (var layer in layers)
            {
                var name = ParameterTable.Name(layer);
                var value = ParameterTable.HasValueEmbedding(model, layer) ? parameters.Of(ParameterTable.ValueProjection(layer)) : null;
                foreach (var (i, attention) in attentions.Index())
                {
                    var last = i + 1 == attentions.Count;
                    // In the order of BlockNorm.
                    string[] norms = [$"attn_norms.{i}", $"q_norms.{i}", $"k_norms.{i}", .. last ? (string[])["mlp_norm"] : []];
                    yield return new BlockWeights
                    {
                        QueryKeyValue = attention.Matrices,
                        AttentionOutput = attention.Output,
                        AttentionGate = parameters.Of($"{name}.attn_gates.{i}.weight"),
                        ValueGate = value is null ? null : parameters.Of($"{name}.ve_gates.{i}.weight"),
                        ValueProjection = value,
                        HeadMixes = attention.Mixes,
                        Norms =
                        [
                            .. norms.SelectMany(norm =>
                                (Tensor[])[parameters.Of($"{name}.{norm}.weight"), parameters.Of($"{name}.{norm}.bias")]
                            ),
                        ],
                        MlpInput = last ? input : null,
                        MlpOutput = last ? output : null,
                    };
                }
            }
        }
    }
}
