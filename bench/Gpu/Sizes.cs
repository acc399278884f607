using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Gpu;

/// <summary>What is measured: the presets' models in one phase of their training.</summary>
/// <param name="Looped">Layers looped, and the network passed again, from the first step on.</param>
internal sealed record Size(string Name, string Preset, bool Looped, bool Taught);

internal static class Sizes
{
    // The most telling first: a call may be cut.
    private static readonly Size[] All =
    [
        new("10x-plain", "slowrun-10x", false, false),
        new("10x-taught", "slowrun-10x", true, true),
        new("15m", "slowrun-15m", true, false),
        new("10x-looped", "slowrun-10x", true, false),
        new("1h", "slowrun-1h", true, false),
        new("snapshots", "slowrun-snapshots", true, true),
    ];

    public static int Print()
    {
        Console.WriteLine(string.Join('\n', All.Select(size => size.Name)));
        return 0;
    }

    /// <summary>A size as a stage of some micro-batches a step.</summary>
    /// <param name="layers">Fewer than the preset's; null: as many.</param>
    public static StagePlan Plan(Bench bench, string name, int microBatches, int? layers = null, int lanes = 2)
    {
        var size =
            All.FirstOrDefault(one => one.Name == name)
            ?? throw new ArgumentException($"There is no size '{name}'; there are {string.Join(", ", All.Select(one => one.Name))}.");
        var recipe = SpecReader.FromPreset(size.Preset).Recipe;
        var (model, stage) = (recipe.Model, recipe.Stage);
        if (bench.Toy)
        {
            model = model with { VocabSize = 300, SequenceLength = 64, Layers = 4, Heads = 2, Width = 64 };
            stage = stage with
            {
                DeviceRows = Math.Min(stage.DeviceRows, 2),
                Loop = stage.Loop is { } toy ? toy with { Start = 2, End = 3 } : null,
            };
        }

        // As upstream's on a GPU, whatever the preset says.
        model = model with
        {
            Products = MatrixPrecision.BF16,
            Layers = layers is { } fewer && !bench.Toy ? fewer : model.Layers,
        };
        stage = stage with
        {
            BatchTokens = microBatches * stage.DeviceRows * model.SequenceLength,
            OuterBatchTokens = null,
            Lanes = lanes,
            Epochs = 64,
            Continuation = null,
            Loop = size.Looped && layers is null && stage.Loop is { } loop ? loop with { FromFraction = 0 } : null,
            Recurrence = size.Looped && stage.Recurrence is { } recurrence ? recurrence with { FromFraction = 0 } : null,
            Distillation = size.Taught ? stage.Distillation : null,
            Selection = new SelectionRecipe(),
        };
        return new StagePlan
        {
            Id = new StageId(0, size.Taught ? 1 : 0),
            Role = ChainRole.Members,
            Seed = 42,
            Model = model,
            Stage = stage,
            Evaluation = new EvaluationRecipe(),
            Data = new DataRecipe(),
            Teacher = size.Taught ? new StageId(0, 0) : null,
        };
    }

    /// <summary>Micro-batches of a step as the preset has it.</summary>
    public static double MicroBatchesOfRecipe(Bench bench, string name)
    {
        var recipe = SpecReader.FromPreset(All.First(one => one.Name == name).Preset).Recipe;
        return bench.Toy ? 8 : (double)recipe.Stage.BatchTokens / (recipe.Stage.DeviceRows * recipe.Model.SequenceLength);
    }

    /// <summary>For bench/gpu/reference.py: the recipe's own fields, and what follows from them.</summary>
    public static int PrintConfig(Bench bench, string name)
    {
        var plan = Plan(bench, name, 2);
        var windows = AttentionWindows.Of(plan.Model);
        Console.WriteLine(
            new JsonObject
            {
                ["name"] = name,
                ["model"] = JsonNode.Parse(CanonicalJson.Serialize(plan.Model)),
                ["stage"] = JsonNode.Parse(CanonicalJson.Serialize(plan.Stage)),
                ["hidden"] = ParameterTable.HiddenWidth(plan.Model),
                ["padded"] = ParameterTable.PaddedVocabSize(plan.Model),
                ["windows"] = JsonSerializer.SerializeToNode(
                    Enumerable.Range(0, plan.Model.Layers).Select(layer => windows.At(plan.Model, layer)).ToArray()
                ),
                ["long"] = JsonSerializer.SerializeToNode(
                    Enumerable.Range(0, plan.Model.Layers).Select(layer => AttentionWindows.IsLong(plan.Model, layer)).ToArray()
                ),
                ["visits"] = JsonSerializer.SerializeToNode(LayerVisits.Of(plan.Model.Layers, plan.Stage.Loop).ToArray()),
                ["taught"] = plan.Teacher is not null,
                ["microBatches"] = MicroBatchesOfRecipe(bench, name),
            }.ToJsonString()
        );
        return 0;
    }
}
