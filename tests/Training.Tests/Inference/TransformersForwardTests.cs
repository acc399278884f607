using System.Text.Json;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tensors;
using Slowrun.Tests.Transformers;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Inference;

/// <summary>What an exported config.json says is all that the engine's logits depend on, beside the weights.</summary>
public sealed class TransformersForwardTests
{
    public static TheoryData<string> Options => CachedModelTests.Options;

    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    [Theory]
    [MemberData(nameof(Options))]
    public void Logits_OfEveryOption_AreTheEngines(string option)
    {
        var (plan, weights) = CachedModelTests.Given(option);

        HeldToTheEngine(plan, weights, 1e-4, option);
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Logits_OfEveryPresetsOptions_AreTheEngines(string preset)
    {
        // The preset's options at a size at which plain loops take no time; what is rounded is looked at by itself.
        var recipe = SpecReader.FromPreset(preset, new SpecOverrides { Name = "small" }).Recipe;
        var model = recipe.Model with
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
        };
        var loop = recipe.Stage.Loop is { } given ? given with { Start = 2, End = 4 } : null;
        var plan = CachedModelTests.Plan(model, recipe.Stage with { Loop = loop });

        HeldToTheEngine(plan, CachedModelTests.Weights(plan), 1e-4, preset);
    }

    [Fact]
    public void Logits_WithProductsInBFloat16_StayWithinTheirRounding()
    {
        var (plan, _) = CachedModelTests.Given("record 9");
        plan = plan with { Model = plan.Model with { Products = MatrixPrecision.BF16 } };

        HeldToTheEngine(plan, CachedModelTests.Weights(plan), 0.3, "bfloat16");
    }

    private static void HeldToTheEngine(StagePlan plan, IReadOnlyList<TensorData> weights, double tolerance, string what)
    {
        using var scope = NewDisposeScope();
        int[] tokens = [.. Enumerable.Range(0, plan.Model.SequenceLength).Select(i => ((i * i * 7) + 3) % plan.Model.VocabSize)];
        using var config = JsonDocument.Parse(TransformersConfig.Of(plan.Model, plan.Stage, documentStart: 0).Json());

        var logits = new TransformersForward(config.RootElement, weights).Logits(tokens);

        Assert.Equal(plan.Model.VocabSize, logits[0].Length);
        var found = tensor(logits.SelectMany(row => row).ToArray(), [tokens.Length, plan.Model.VocabSize]);
        Close.Max(CachedModelTests.Whole(plan, weights, tokens), found, tolerance, what);
    }
}
