using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Tests.Transformers;

/// <summary>Models whose logits take no time, for comparisons.</summary>
internal static class SmallModels
{
    /// <summary>A recipe's options at a small size, in float32: what is rounded is looked at by itself.</summary>
    public static StagePlan Of(Recipe recipe) =>
        new()
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = recipe.Model with
            {
                VocabSize = 300,
                SequenceLength = 24,
                Layers = 4,
                Heads = 2,
                Width = 32,
                ShortWindow = recipe.Model.ShortWindow is null ? null : 5,
                LongWindow = recipe.Model.LongWindow is null ? null : 11,
                Products = MatrixPrecision.F32,
                Yarn = recipe.Model.Yarn is null ? null : recipe.Model.Yarn with { LongWindows = [4, 8] },
            },
            Stage = recipe.Stage with { Loop = recipe.Stage.Loop is { } loop ? loop with { Start = 2, End = 4 } : null },
            Evaluation = recipe.Evaluation,
            Data = recipe.Data,
        };

    /// <summary>Every parameter drawn at random, those too that begin at 0 or 1: a fresh model would not show what its gates do.</summary>
    public static IReadOnlyList<TensorData> Weights(ModelRecipe model, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. ParameterTable
                .Of(model)
                .Select(parameter =>
                {
                    var (scale, middle) = parameter.Shape.Count > 1 ? (1.5 / Math.Sqrt(parameter.Shape[^1]), 0) : (0.5, 0.7);
                    var values = new float[parameter.Count];
                    foreach (ref var value in values.AsSpan())
                    {
                        value = (float)((scale * ((2 * random.NextDouble()) - 1)) + middle);
                    }

                    return new TensorData(
                        parameter.Name,
                        ElementType.F32,
                        parameter.Shape,
                        MemoryMarshal.AsBytes(values.AsSpan()).ToArray()
                    );
                }),
        ];
    }

    /// <summary>As many as the model reads.</summary>
    public static int[] Tokens(ModelRecipe model) =>
        [.. Enumerable.Range(0, model.SequenceLength).Select(i => ((i * i * 7) + 3) % model.VocabSize)];
}
