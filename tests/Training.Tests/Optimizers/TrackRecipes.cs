using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;

namespace Slowrun.Training.Tests.Optimizers;

/// <summary>Upstream's tracks as recipes, at the sizes a fixture names.</summary>
internal static class TrackRecipes
{
    public static OptimizerRecipe Optimizer(string track) =>
        track switch
        {
            "rec9" => new OptimizerRecipe(),
            "head" or "limited" => new OptimizerRecipe { RowNormalization = true },
            "tiny" => new OptimizerRecipe
            {
                LearningRateMultiplier = 0.8,
                UnembeddingLearningRate = 0.001,
                ScalarLearningRate = 0.25,
                WeightDecay = 0.8,
                AttentionGates = GateOptimizer.AdamW,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(track), track, "No track of upstream's."),
        };

    public static ModelRecipe Model(string track, JsonNode config)
    {
        var model = new ModelRecipe
        {
            SequenceLength = (int)config["sequence_len"]!,
            VocabSize = (int)config["vocab_size"]!,
            Layers = (int)config["n_layer"]!,
            Heads = (int)config["n_head"]!,
            Width = (int)config["n_embd"]!,
            WindowPattern = (string)config["window_pattern"]!,
        };
        return track switch
        {
            "head" or "limited" => model with { HeadMixing = true, MtpBlock = true },
            "tiny" => model with { Xsa = new XsaRecipe(), TransposedUnembedding = true },
            _ => model,
        };
    }
}
