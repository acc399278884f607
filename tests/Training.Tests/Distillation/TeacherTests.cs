using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Distillation;

public sealed class TeacherTests
{
    /// <summary>Half the memory, the same bits: every matrix is rounded before a product anyway.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Weights_WhereProductsAreBfloat16_AreStoredSoAndPredictTheSame(bool headMixing, bool transposed)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var model = SmallStage.Model with
        {
            Layers = 4,
            HeadMixing = headMixing,
            MtpBlock = true,
            TransposedUnembedding = transposed,
            Initialization = Initialization.NormalOutput,
            Products = MatrixPrecision.BF16,
        };
        var plan = SmallStage.Inputs(model: model).Plan;
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        Initializer.Fill(parameters, model, 8);
        parameters["lm_head.weight"].mul_(300);
        foreach (var mix in table.Where(parameter => parameter.Role == ParameterRole.HeadMix))
        {
            parameters[mix.Name].add_(0.1);
        }

        using var source = new ParameterSource(parameters, null);
        var weights = GptWeights.Of(model, source);
        using var teacher = new Teacher(plan, parameters.Export(), CPU);
        using var gpt = new Gpt(model, CPU);
        var tokens = tensor(Enumerable.Range(0, 32).Select(i => (long)i).ToArray()).view(2, 16);

        var expected = gpt.Hidden(weights, tokens, teacher.Pass);
        var hidden = gpt.Hidden(teacher.Weights, tokens, teacher.Pass);

        Assert.All(teacher.Weights.Blocks.SelectMany(block => block.Tensors), matrix => Assert.Equal(ScalarType.BFloat16, matrix.dtype));
        Assert.Equal(ScalarType.BFloat16, teacher.Weights.Embedding.dtype);
        Assert.Equal(ScalarType.Float32, teacher.Weights.ResidualLambdas.dtype);
        Assert.Equal(0, expected.sub(hidden).abs().max().ToDouble());
        using var rounded = new RoundedUnembedding(model, weights.Unembedding);
        Assert.Equal(
            0,
            gpt.Logits(weights, hidden, rounded).sub(gpt.Logits(teacher.Weights, hidden, teacher.Unembedding)).abs().max().ToDouble()
        );
        Close.Max(
            gpt.Logits(weights, hidden),
            gpt.Logits(teacher.Weights, hidden, teacher.Unembedding),
            1e-5,
            "logits with and without padding"
        );
    }
}
