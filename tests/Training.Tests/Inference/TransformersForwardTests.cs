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
        var plan = SmallModels.Of(SpecReader.FromPreset(preset, new SpecOverrides { Name = "small" }).Recipe);

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
        var tokens = SmallModels.Tokens(plan.Model);
        using var config = JsonDocument.Parse(TransformersConfig.Of(plan.Model, plan.Stage, documentStart: 0).Json());

        var logits = new TransformersForward(config.RootElement, weights).Logits(tokens);

        Assert.Equal(plan.Model.VocabSize, logits[0].Length);
        var found = tensor(logits.SelectMany(row => row).ToArray(), [tokens.Length, plan.Model.VocabSize]);
        Close.Max(CachedModelTests.Whole(plan, weights, tokens), found, tolerance, what);
    }
}
