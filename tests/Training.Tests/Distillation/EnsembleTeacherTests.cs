using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Distillation;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Distillation;

public sealed class EnsembleTeacherTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(0.25)]
    [InlineData(3)]
    public void Teach_OfProbabilities_IsTheWeightedMeanOfEveryModelsSoftmaxAtTheTemperature(double temperature)
    {
        using var scope = NewDisposeScope();
        var inputs = At(SmallEnsemble.Recipe, temperature);
        var batch = Batch(1);

        var taught = Teach(inputs, batch)[0].exp();

        var expected = zeros_like(taught);
        foreach (var (member, snapshot) in SmallEnsemble.Recipe.Members.Zip(inputs.TeacherMembers!))
        {
            foreach (var model in CheckpointNames.Models(snapshot))
            {
                expected.add_(Logits(model, member, batch).div(temperature).softmax(-1), member.Weight / member.Models);
            }
        }

        Close.Max(expected, taught, 1e-6, "taught");
        // Members that all say the same would prove nothing.
        Assert.True(taught.max().ToDouble() > 2.0 / SmallEnsemble.Model.VocabSize);
    }

    [Fact]
    public void Teach_OfLogits_IsTheSoftmaxOfTheirWeightedMean()
    {
        using var scope = NewDisposeScope();
        var inputs = At(SmallEnsemble.OfLogits, 1.5);
        var batch = Batch(1);

        var taught = Teach(inputs, batch)[0].exp();

        var mean = zeros_like(taught);
        foreach (var (member, snapshot) in SmallEnsemble.OfLogits.Members.Zip(inputs.TeacherMembers!))
        {
            mean.add_(Logits(snapshot, member, batch), member.Weight);
        }

        Close.Max(mean.div(1.5).softmax(-1), taught, 1e-6, "taught");
    }

    [Fact]
    public void Teach_OfSeveralMicroBatchesTogether_GivesTheBitsOfEachAlone()
    {
        using var scope = NewDisposeScope();
        var inputs = At(SmallEnsemble.Recipe, 1);
        var (first, second) = (Batch(1), Batch(2));

        var together = Teach(inputs, first, second);

        Assert.True(together[0].bytes.SequenceEqual(Teach(inputs, first)[0].bytes));
        Assert.True(together[1].bytes.SequenceEqual(Teach(inputs, second)[0].bytes));
        Assert.False(together[0].bytes.SequenceEqual(together[1].bytes));
    }

    /// <summary>A temperature so low that a probability is 0 in float32: its logarithm must not spoil the sum.</summary>
    [Fact]
    public void Teach_WhereAProbabilityIsZero_StaysFinite()
    {
        using var scope = NewDisposeScope();

        var taught = Teach(At(SmallEnsemble.Recipe, 0.01), Batch(1))[0];

        Assert.True(taught.isfinite().all().ToBoolean());
        Assert.True(taught.min().ToDouble() < -80);
    }

    [Fact]
    public void Teacher_WithAMemberOfAnotherModel_NamesTheMember()
    {
        var inputs = At(SmallEnsemble.Recipe, 1);
        IReadOnlyList<TensorData>[] members = [.. inputs.TeacherMembers!];
        members[2] = SmallEnsemble.Weights(SmallStage.Model, 1);

        var error = Assert.Throws<InvalidDataException>(() => new EnsembleTeacher(inputs.Plan, members, CPU, 1));
        Assert.Contains("Member cccccccccccc", error.Message, StringComparison.Ordinal);

        members[2] = inputs.TeacherMembers![1];
        error = Assert.Throws<InvalidDataException>(() => new EnsembleTeacher(inputs.Plan, members, CPU, 1));
        Assert.Contains("holds 2 models, expected 1", error.Message, StringComparison.Ordinal);
    }

    private static StageInputs At(TeacherRecipe teacher, double temperature) =>
        SmallEnsemble.Inputs(teacher, SmallStage.Recipe with { Distillation = new DistillationRecipe { Temperature = temperature } });

    private static Tensor Batch(int seed) =>
        tensor(Enumerable.Range(0, 32).Select(i => (long)(((i * seed * 7) + seed) % SmallStage.Model.VocabSize)).ToArray()).view(2, 16);

    private static IReadOnlyList<Tensor> Teach(StageInputs inputs, params Tensor[] batches)
    {
        using var teacher = new EnsembleTeacher(inputs.Plan, inputs.TeacherMembers!, CPU, 1);
        return teacher.Teach(batches, Stop) ?? throw new InvalidOperationException("Stopped.");
    }

    private static Tensor Logits(IReadOnlyList<TensorData> weights, TeacherMemberRecipe member, Tensor batch)
    {
        using var noGradient = no_grad();
        var model = SmallEnsemble.Model;
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe())), CPU);
        parameters.Load(CheckpointNames.Last(weights));
        using var source = new ParameterSource(parameters, null);
        using var gpt = new Gpt(model, CPU);
        var pass = StepSettings.Finished(model, new StageRecipe { Loop = member.Loop, Recurrence = member.Recurrence });
        var own = GptWeights.Of(model, source);
        return gpt.Logits(own, gpt.Hidden(own, batch, pass));
    }
}
