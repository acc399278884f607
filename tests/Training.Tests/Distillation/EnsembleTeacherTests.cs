using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
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

    /// <summary>A member of two models of which the last counts twice.</summary>
    [Fact]
    public void Teach_OfAMemberWhoseLaterModelsCountMore_MixesThemSo()
    {
        using var scope = NewDisposeScope();
        var recipe = SmallEnsemble.Recipe with { Members = [SmallEnsemble.Recipe.Members[1] with { Weight = 1 }] };
        var (alike, batch) = (At(recipe, 1), Batch(1));
        var snapshot = alike
            .TeacherMembers![0]
            .Select(tensor => tensor with { Name = tensor.Name.Replace("late0/", "recent0/", StringComparison.Ordinal) })
            .ToList();

        var taught = Teach(alike with { TeacherMembers = [snapshot] }, batch)[0].exp();

        var models = CheckpointNames.Models(snapshot).Select(model => Logits(model, recipe.Members[0], batch).softmax(-1)).ToList();
        Assert.Equal(2, models.Count);
        Close.Max(models[0].mul(2).add(models[1]).div(3), taught, 1e-6, "taught");
        Assert.True(Teach(alike, batch)[0].exp().sub(taught).abs().max().ToDouble() > 1e-4);
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

    /// <summary>Weights that are kept in bfloat16 because products are: the bits of float32 ones, which are rounded when they are
    /// read.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Teach_WithProductsInBfloat16_GivesTheBitsOfFloat32Weights(bool headMixing)
    {
        using var scope = NewDisposeScope();
        var model = SmallEnsemble.Model with { Products = MatrixPrecision.BF16, HeadMixing = headMixing };
        var recipe = SmallEnsemble.OfLogits with { Model = model };
        var inputs = At(recipe, 1.5);
        var batch = Batch(1);

        var taught = Teach(inputs, batch)[0];

        var sum = zeros_like(taught);
        foreach (var (member, snapshot) in recipe.Members.Zip(inputs.TeacherMembers!))
        {
            sum.add_(Logits(snapshot, member, batch, model).div(1.5), member.Weight);
        }

        Assert.True(nn.functional.log_softmax(sum, -1).bytes.SequenceEqual(taught.bytes));
    }

    /// <summary>Models that come along while others compute, in rooms that change, also after a stop: the bits of a processor's one
    /// room.</summary>
    [Theory]
    [InlineData(MatrixPrecision.F32)]
    [InlineData(MatrixPrecision.BF16)]
    public void Teach_BesideADevice_GivesTheBitsOfAProcessor(MatrixPrecision products)
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateTempSubdirectory("slowrun-driver-").FullName;
        try
        {
            var driver = PlayedDriver.Compiled(folder);
            PlayedDriver.Call(driver, "play_release");
            var inputs = At(SmallEnsemble.Recipe with { Model = SmallEnsemble.Model with { Products = products } }, 1);
            var (first, second) = (Batch(1), Batch(2));
            var expected = (Teach(inputs, first)[0], Teach(inputs, second)[0]);

            using (
                var teacher = new EnsembleTeacher(inputs.Plan, inputs.TeacherMembers!, CPU, workers: 1, () => DeviceCopies.Open(3, driver))
            )
            {
                Assert.Null(teacher.Teach([first], new CancellationToken(canceled: true)));
                Assert.True(expected.Item1.bytes.SequenceEqual(teacher.Teach([first], Stop)![0].bytes));
                Assert.True(expected.Item2.bytes.SequenceEqual(teacher.Teach([second], Stop)![0].bytes));
                // Pinned, and every model came once a turn: four of them, twice, but for the first that lay there, and one that came ahead.
                Assert.NotEqual(0, PlayedDriver.Call(driver, "play_pinned"));
                Assert.InRange(PlayedDriver.Call(driver, "play_uploads") / (double)Tensors(inputs), 8, 10);
            }

            Assert.Equal(0, PlayedDriver.Call(driver, "play_pinned"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
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

    /// <summary>Of one of its models.</summary>
    private static int Tensors(StageInputs inputs) => ParameterTable.Of(inputs.Plan.TeacherEnsemble!.Model).Count;

    private static Tensor Logits(IReadOnlyList<TensorData> weights, TeacherMemberRecipe member, Tensor batch, ModelRecipe? of = null)
    {
        using var noGradient = no_grad();
        var model = of ?? SmallEnsemble.Model;
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
