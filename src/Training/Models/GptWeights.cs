using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>All parameters of a model, looked up once. The source owns them.</summary>
internal sealed record GptWeights
{
    /// <summary>[V, C]; padding cut off, no token reads it.</summary>
    public required Tensor Embedding { get; init; }

    /// <summary>[V, C], or [C, padded V] where the recipe stores it so.</summary>
    public required Tensor Unembedding { get; init; }

    public required Tensor ResidualLambdas { get; init; }

    public required Tensor X0Lambdas { get; init; }

    public required Tensor SkipWeights { get; init; }

    /// <summary>[L, H]; null unless the strength of exclusive self-attention is learnt.</summary>
    public Tensor? XsaAlphas { get; init; }

    /// <summary>One for each layer; of shared blocks one for each attention of each layer.</summary>
    public required IReadOnlyList<BlockWeights> Blocks { get; init; }

    /// <summary>[C, 2C]; null without a multi-token block.</summary>
    public Tensor? MtpProjection { get; init; }

    public BlockWeights? MtpBlock { get; init; }

    public static GptWeights Of(ModelRecipe model, IParameterSource parameters) =>
        new()
        {
            Embedding = parameters.Head("transformer.wte.weight", model.VocabSize),
            Unembedding = model.TransposedUnembedding
                ? parameters.Of("lm_head.weight")
                : parameters.Head("lm_head.weight", model.VocabSize),
            ResidualLambdas = parameters.Of("resid_lambdas"),
            X0Lambdas = parameters.Of("x0_lambdas"),
            SkipWeights = parameters.Of("skip_weights"),
            XsaAlphas = model.Xsa is { Strength: XsaStrength.Learnable } ? parameters.Of("xsa_alphas") : null,
            Blocks = model.SharedBlocks is { } shared
                ? [.. SharedBlockWeights.Of(model, shared, parameters)]
                :
                [
                    .. Enumerable
                        .Range(0, model.Layers)
                        .Select(layer => BlockWeights.Of(model, ParameterTable.Name(layer), layer, parameters)),
                ],
            MtpProjection = model.MtpBlock ? parameters.Of("mtp_proj.weight") : null,
            MtpBlock = model.MtpBlock ? BlockWeights.Of(model, ParameterTable.MtpBlock, null, parameters) : null,
        };

    /// <summary>The same weights with mixtures of heads worked into the layers' matrices, those that layers share once.</summary>
    /// <param name="mixed">Makes a block's matrix.</param>
    public GptWeights WithHeadsMixed(Func<BlockWeights, Tensor> mixed)
    {
        var made = new Dictionary<Tensor, Tensor>(ReferenceEqualityComparer.Instance);
        return this with { Blocks = [.. Blocks.Select(Of)] };

        BlockWeights Of(BlockWeights block)
        {
            if (!made.TryGetValue(block.QueryKeyValue, out var matrix))
            {
                made.Add(block.QueryKeyValue, matrix = mixed(block));
            }

            return block with
            {
                QueryKeyValue = matrix,
                HeadMixes = [],
            };
        }
    }
}
