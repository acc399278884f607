using System.Runtime.InteropServices;
using System.Text.Json;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Tests.Transformers;
using Slowrun.Training.Distillation;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Inference;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>Layers that share two blocks, held to plain loops in double precision: logits by
/// <see cref="TransformersForwardTests"/>, gradients here by differences, at full depth and below it.</summary>
public sealed class SharedBlocksTests
{
    private const int Length = 7;

    private static readonly ModelRecipe Model = new()
    {
        VocabSize = 60,
        SequenceLength = Length,
        Layers = 4,
        Heads = 2,
        Width = 32,
        ShortWindow = 3,
        HeadMixing = true,
        SharedBlocks = new SharedBlocksRecipe { HiddenMultiple = 1 },
    };

    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    public void Backward_OfEveryParameter_IsTheSlopeOfPlainLoops(int layers)
    {
        using var scope = NewDisposeScope();
        var plan = CachedModelTests.Plan(Model, new StageRecipe { Dropout = 0 });
        var weights = CachedModelTests.Weights(plan);
        using var parameters = Parameters(plan);
        parameters.Load(weights);
        using var gpt = new Gpt(Model, CPU);
        using var lane = new LaneBuffer(Model, parameters);
        var settings = new StepSettings { Windows = AttentionWindows.Of(Model), Layers = layers };
        int[] tokens = [.. Enumerable.Range(0, Length + 1).Select(i => ((i * i * 7) + 3) % Model.VocabSize)];
        var batch = new MicroBatch(tensor(tokens.Select(token => (long)token).ToArray(), 1, Length + 1), settings, 1);

        var loss = new MicroBatchTrainer(Model, plan.Stage, gpt, null).Backward(lane.Weights, batch, 1).ToDouble();

        Assert.Equal(PlainLoss(plan, weights, layers, tokens), loss, 1e-5);
        foreach (var weight in weights)
        {
            var gradient = lane.Gradients[weight.Name].reshape(-1).data<float>().ToArray();
            // Where it is largest, and in its midst.
            foreach (var i in new[] { Array.IndexOf(gradient, gradient.MaxBy(Math.Abs)), gradient.Length / 2 })
            {
                var slope = Slope(plan, weights, weight, i, layers, tokens);
                Assert.True(
                    Math.Abs(gradient[i] - slope) <= 2e-4 + (2e-3 * Math.Abs(slope)),
                    $"{weight.Name}[{i}] has the gradient {gradient[i]}, and the loss the slope {slope}."
                );
            }
        }
    }

    [Fact]
    public void Backward_BelowFullDepth_LeavesAbsentLayersAlone()
    {
        using var scope = NewDisposeScope();
        using var lane = Trained(new StageRecipe(), layers: 2);

        foreach (var parameter in ParameterTable.Of(Model).Where(parameter => parameter.Layer is not null))
        {
            var moved = lane.Gradients[parameter.Name].abs().max().ToDouble() > 0;
            Assert.True(moved == parameter.Layer is 0 or 3, $"{parameter.Name}: {moved}");
        }
    }

    [Fact]
    public void Backward_Recomputed_GivesTheSameBytes()
    {
        using var scope = NewDisposeScope();
        var stage = new StageRecipe { Dropout = 0.2, StochasticDepth = 0.4 };
        using var kept = Trained(stage, layers: null);
        using var again = Trained(stage with { Recompute = true }, layers: null);
        using var plain = Trained(new StageRecipe { Dropout = 0 }, layers: null);

        Assert.Equal(kept.Gradients.Flat.data<float>().ToArray(), again.Gradients.Flat.data<float>().ToArray());
        Assert.NotEqual(kept.Gradients.Flat.data<float>().ToArray(), plain.Gradients.Flat.data<float>().ToArray());
    }

    /// <summary>A teacher's matrices are rounded once for all layers that share them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Hidden_OfATeacherInBfloat16_IsThatOfItsWeights(bool mixed)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var model = Model with { Products = MatrixPrecision.BF16, HeadMixing = mixed };
        var plan = CachedModelTests.Plan(model, new StageRecipe());
        using var parameters = Parameters(plan);
        parameters.Load(CachedModelTests.Weights(plan));
        using var source = new ParameterSource(parameters, null);
        using var teacher = new Teacher(plan, parameters.Export(), CPU);
        using var gpt = new Gpt(model, CPU);
        var tokens = arange(Length, ScalarType.Int64).view(1, -1);

        var expected = gpt.Hidden(GptWeights.Of(model, source), tokens, teacher.Pass);
        var found = gpt.Hidden(teacher.Weights, tokens, teacher.Pass);

        Assert.Equal(expected.data<float>().ToArray(), found.data<float>().ToArray());
        Assert.Equal(4, teacher.Weights.Blocks.Select(block => block.QueryKeyValue).Distinct(ReferenceEqualityComparer.Instance).Count());
    }

    private static LaneBuffer Trained(StageRecipe stage, int? layers)
    {
        var plan = CachedModelTests.Plan(Model, stage);
        using var parameters = Parameters(plan);
        parameters.Load(CachedModelTests.Weights(plan));
        using var gpt = new Gpt(Model, CPU);
        var lane = new LaneBuffer(Model, parameters);
        var settings = new StepSettings { Windows = AttentionWindows.Of(Model), Layers = layers };
        var batch = new MicroBatch(arange(2 * (Length + 1), ScalarType.Int64).view(2, -1), settings, 5);
        using var trainer = new MicroBatchTrainer(Model, stage, gpt, null);
        trainer.Backward(lane.Weights, batch, 1);
        return lane;
    }

    private static FlatParameters Parameters(StagePlan plan)
    {
        var table = ParameterTable.Of(plan.Model);
        return new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Model, plan.Stage)), CPU);
    }

    private static double Slope(StagePlan plan, IReadOnlyList<TensorData> weights, TensorData weight, int i, int layers, int[] tokens)
    {
        // float32 numbers: the step is what they really differ by.
        var (lower, below) = Moved(-1e-3f);
        var (upper, above) = Moved(1e-3f);
        return (PlainLoss(plan, above, layers, tokens) - PlainLoss(plan, below, layers, tokens)) / (upper - lower);

        (double Value, IReadOnlyList<TensorData> Weights) Moved(float by)
        {
            var bytes = weight.Bytes.ToArray();
            ref var number = ref MemoryMarshal.Cast<byte, float>(bytes.AsSpan())[i];
            number += by;
            return (number, [.. weights.Select(one => one.Name == weight.Name ? one with { Bytes = bytes } : one)]);
        }
    }

    /// <summary>Mean cross-entropy of each token's next.</summary>
    private static double PlainLoss(StagePlan plan, IReadOnlyList<TensorData> weights, int layers, int[] tokens)
    {
        var config = TransformersConfig.Of(plan.Model, plan.Stage, documentStart: 0) with
        {
            LayerOrder = LayerVisits.Of(plan.Model.Layers, null, layers),
        };
        using var json = JsonDocument.Parse(config.Json());
        var logits = new TransformersForward(json.RootElement, weights).Logits(tokens.AsSpan(0, tokens.Length - 1));
        return logits.Select((row, t) => Math.Log(row.Sum(Math.Exp)) - row[tokens[t + 1]]).Average();
    }
}
