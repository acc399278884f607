using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Lanes;

public sealed class MicroBatchTrainerTests
{
    /// <summary>Cutting the logits into chunks of rows is only another order of summation.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_InChunksOfRows_GivesTheSameLossAndGradient(bool taught)
    {
        using var scope = NewDisposeScope();
        var plan = SmallStage
            .Inputs(
                SmallStage.Recipe with
                {
                    Dropout = 0.1,
                    LabelSmoothing = 0.1,
                    FutureTokens = new FutureTokensRecipe(),
                    Distillation = taught ? new DistillationRecipe { Alpha = 0.4, Temperature = 1.3 } : null,
                },
                SmallStage.Model with
                {
                    MtpBlock = true,
                    Initialization = Initialization.NormalOutput,
                }
            )
            .Plan;
        var table = ParameterTable.Of(plan.Model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        Initializer.Fill(parameters, plan.Model, 8);
        using var teacher = taught ? new Teacher(plan, parameters.Export(), CPU) : null;
        Initializer.Fill(parameters, plan.Model, 9);
        using var gpt = new Gpt(plan.Model, CPU);
        var settings = new StepSettings { Windows = AttentionWindows.Of(plan.Model), FutureWeights = [0.5f, 0.25f] };
        var batch = new MicroBatch(tensor(Enumerable.Range(0, 34).Select(i => (long)i).ToArray()).view(2, 17), settings, 77);

        using var whole = new LaneBuffer(plan.Model, parameters);
        using var cut = new LaneBuffer(plan.Model, parameters);
        var expected = new MicroBatchTrainer(plan.Model, plan.Stage, gpt, teacher).Backward(whole.Weights, batch, 0.5).ToDouble() / 0.5;
        var found =
            new MicroBatchTrainer(plan.Model, plan.Stage, gpt, teacher) { RowsAtOnce = 5 }
                .Backward(cut.Weights, batch, 0.5)
                .ToDouble() / 0.5;

        Assert.Equal(expected, found, 1e-5);
        Close.RelativeL2(whole.Gradients.Flat, cut.Gradients.Flat, 1e-5, "gradient");
    }

    /// <summary>Products in bfloat16, as on a GPU, stay near float32; padding of the vocabulary takes no part, also where rows are
    /// cut.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Backward_WithProductsInBfloat16_IsNearFloat32(bool transposed, bool taught)
    {
        using var scope = NewDisposeScope();
        var model = SmallStage.Model with
        {
            Width = 64,
            Initialization = Initialization.NormalOutput,
            TransposedUnembedding = transposed,
            MtpBlock = true,
        };
        var plan = SmallStage
            .Inputs(SmallStage.Recipe with { Dropout = 0, Distillation = taught ? new DistillationRecipe { Alpha = 0.4 } : null }, model)
            .Plan;
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        var settings = new StepSettings { Windows = AttentionWindows.Of(model) };
        var batch = new MicroBatch(tensor(Enumerable.Range(0, 68).Select(i => i * 7L % 40).ToArray()).view(4, 17), settings, 77);
        (double Loss, LaneBuffer Lane) Trained(MatrixPrecision products)
        {
            var rounded = plan with { Model = model with { Products = products } };
            Initializer.Fill(parameters, model, 8);
            using var teacher = taught ? new Teacher(rounded, parameters.Export(), CPU) : null;
            Initializer.Fill(parameters, model, 9);
            using var gpt = new Gpt(rounded.Model, CPU);
            var lane = new LaneBuffer(rounded.Model, parameters);
            var loss = new MicroBatchTrainer(rounded.Model, rounded.Stage, gpt, teacher) { RowsAtOnce = 24 }
                .Backward(lane.Weights, batch, 1)
                .ToDouble();
            return (loss, lane);
        }

        var (exactLoss, exact) = Trained(MatrixPrecision.F32);
        var (loss, lane) = Trained(MatrixPrecision.BF16);
        using (exact)
        using (lane)
        {
            Assert.NotEqual(exactLoss, loss);
            Assert.Equal(1, loss / exactLoss, 1e-3);
            Close.RelativeL2(exact.Gradients.Flat, lane.Gradients.Flat, 1e-2, "gradient");
            Close.RelativeL2(exact.Gradients["lm_head.weight"], lane.Gradients["lm_head.weight"], 1e-2, "gradient of the unembedding");
            var padding = lane.Gradients["lm_head.weight"]
                .narrow(transposed ? 1 : 0, model.VocabSize, ParameterTable.PaddedVocabSize(model) - model.VocabSize);
            Assert.Equal(0, padding.abs().max().ToDouble());
        }
    }

    /// <summary>Rounded products stay near the exact ones: the fixtures' tolerance for a model in bfloat16.</summary>
    [Fact]
    public void Logits_WithProductsInBfloat16_AreNearTheExactOnes()
    {
        using var scope = NewDisposeScope();
        var model = SmallStage.Model with { Initialization = Initialization.NormalOutput };
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe())), CPU);
        Initializer.Fill(parameters, model, 3);
        using (no_grad())
        {
            parameters["lm_head.weight"].mul_(300);
        }

        using var source = new ParameterSource(parameters, null);
        var tokens = tensor(Enumerable.Range(0, 32).Select(i => (long)i).ToArray()).view(2, 16);
        Tensor Logits(MatrixPrecision precision)
        {
            using var gpt = new Gpt(model with { Products = precision }, CPU);
            var weights = GptWeights.Of(model, source);
            return gpt.Logits(weights, gpt.Hidden(weights, tokens, new ForwardPass { Windows = AttentionWindows.Of(model) }));
        }

        var (exact, rounded) = (Logits(MatrixPrecision.F32), Logits(MatrixPrecision.BF16));

        Assert.NotEqual(0, exact.sub(rounded).abs().max().ToDouble());
        Close.Max(exact, rounded, 0.3, "logits");
    }
}
