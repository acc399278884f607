using System.Diagnostics.CodeAnalysis;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels;

/// <summary>The parameters of a model, or their gradients, in the form that our kernels and libtorch's products use.</summary>
internal sealed class FusedWeights : IDisposable
{
    private readonly OwnedMatrices all = new();

    /// <param name="weights">This object keeps views of them.</param>
    public FusedWeights(ModelRecipe model, GptWeights weights)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        try
        {
            Embedding = Keep(weights.Embedding);
            Unembedding = Keep(model.TransposedUnembedding ? weights.Unembedding.narrow(1, 0, model.VocabSize).t() : weights.Unembedding);
            ResidualLambdas = Keep(weights.ResidualLambdas.view(1, -1));
            X0Lambdas = Keep(weights.X0Lambdas.view(1, -1));
            SkipWeights = Keep(weights.SkipWeights.view(1, -1));
            Blocks = [.. weights.Blocks.Select(Block)];
            MtpProjection = Keep(weights.MtpProjection);
            MtpBlock = weights.MtpBlock is { } further ? Block(further) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[V, C].</summary>
    public Matrix Embedding { get; }

    /// <summary>[V, C], in either storage order.</summary>
    public Matrix Unembedding { get; }

    /// <summary>[1, L].</summary>
    public Matrix ResidualLambdas { get; }

    public Matrix X0Lambdas { get; }

    /// <summary>[1, L/2].</summary>
    public Matrix SkipWeights { get; }

    public IReadOnlyList<FusedBlock> Blocks { get; }

    /// <summary>[C, 2C]; null without a multi-token block.</summary>
    public Matrix? MtpProjection { get; }

    public FusedBlock? MtpBlock { get; }

    public void Dispose() => all.Dispose();

    private FusedBlock Block(BlockWeights block) =>
        new()
        {
            QueryKeyValue = Keep(block.QueryKeyValue),
            AttentionOutput = Keep(block.AttentionOutput),
            AttentionGate = Keep(block.AttentionGate),
            ValueGate = Keep(block.ValueGate),
            ValueProjection = Keep(block.ValueProjection),
            MlpInput = Keep(block.MlpInput!),
            MlpOutput = Keep(block.MlpOutput!),
        };

    [return: NotNullIfNotNull(nameof(tensor))]
    private Matrix? Keep(Tensor? tensor) => tensor is null ? null : all.Add(new Matrix(tensor));
}
