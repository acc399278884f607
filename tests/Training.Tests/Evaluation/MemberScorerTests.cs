using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Evaluation;

public sealed class MemberScorerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(100)]
    public void Score_InWhateverBatches_JudgesEveryTokenOnceAndAlike(int rows)
    {
        var (inputs, weights) = Trained();
        var plan = inputs.Plan with { Evaluation = new EvaluationRecipe { Rows = rows } };
        // Several rows and one cut short.
        var set = SmallStage.Tokens((5 * inputs.Plan.Model.SequenceLength) + 8, inputs.Plan.Model.VocabSize, 9);
        var judged = 0L;

        var p = MemberScorer.Score(
            plan,
            weights,
            set,
            ComputeDevices.SingleCpu,
            TestContext.Current.CancellationToken,
            n => judged = Math.Max(judged, n)
        );
        var reference = MemberScorer.Score(inputs.Plan, weights, set, ComputeDevices.SingleCpu, TestContext.Current.CancellationToken);

        Assert.Equal(set.Length - 1, p.Length);
        Assert.Equal(p.Length, judged);
        Assert.All(p, value => Assert.InRange(value, 1e-12, 1));
        Assert.Equal(ScoringPass.LossNats(reference), ScoringPass.LossNats(p), 1e-6);
        // Each where it belongs: cut off after any token, the ones before it keep their values.
        var shorter = MemberScorer.Score(plan, weights, Prefix(set, 50), ComputeDevices.SingleCpu, TestContext.Current.CancellationToken);
        Assert.All(shorter.Zip(p), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    [Fact]
    public void Score_OfTheFirstRow_IsTheModelsProbabilityOfTheNextToken()
    {
        using var scope = NewDisposeScope();
        var (inputs, weights) = Trained();
        var (model, plan) = (inputs.Plan.Model, inputs.Plan);
        var read = new int[model.SequenceLength + 1];
        inputs.Validation!.Read(0, read);
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        parameters.Load(weights);
        using var source = new ParameterSource(parameters, null);
        using var gpt = new Gpt(model, CPU);
        var given = GptWeights.Of(model, source);
        var hidden = gpt.Hidden(
            given,
            tensor(read, ScalarType.Int64).narrow(0, 0, model.SequenceLength).unsqueeze(0),
            StepSettings.Finished(model, plan.Stage)
        );
        var probabilities = nn.functional.softmax(gpt.Logits(given, hidden), -1);

        var p = MemberScorer.Score(plan, weights, inputs.Validation, ComputeDevices.SingleCpu, TestContext.Current.CancellationToken);

        for (var i = 0; i < model.SequenceLength; i++)
        {
            Assert.Equal(probabilities[i, read[i + 1]].ToSingle(), p[i], 1e-6);
        }
    }

    [Fact]
    public void Score_OnMoreDevices_GivesTheSameBits()
    {
        var (inputs, weights) = Trained();

        var one = MemberScorer.Score(
            inputs.Plan,
            weights,
            inputs.Validation!,
            ComputeDevices.SingleCpu,
            TestContext.Current.CancellationToken
        );
        var three = MemberScorer.Score(inputs.Plan, weights, inputs.Validation!, SmallStage.Cpus(3), TestContext.Current.CancellationToken);

        Assert.Equal(one, three);
    }

    /// <summary>The newest first: alike, or 3, 2 and 1 sixths.</summary>
    [Theory]
    [InlineData(null, 1, 1, 1)]
    [InlineData(false, 1, 1, 1)]
    [InlineData(true, 3, 2, 1)]
    public void Score_OfASnapshotWithLateCheckpoints_IsTheMeanOfTheirProbabilities(bool? byRecency, int last, int before, int first)
    {
        double[] counts = [last, before, first];
        var inputs = SmallStage.Inputs(
            SmallStage.Recipe with
            {
                Epochs = 3,
                Selection = new SelectionRecipe { LateCheckpoints = 3, LateByRecency = byRecency },
            }
        );
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.Run(training);
        var snapshot = training.Snapshot(TestContext.Current.CancellationToken);
        float[] Score(IReadOnlyList<TensorData> weights) =>
            MemberScorer.Score(inputs.Plan, weights, inputs.Validation!, ComputeDevices.SingleCpu, TestContext.Current.CancellationToken);

        var models = CheckpointNames.Models(snapshot).Select(Score).ToList();

        Assert.Equal(3, models.Count);
        Assert.NotEqual(models[0], models[1]);
        Assert.NotEqual(models[1], models[2]);
        Assert.All(
            Score(snapshot).Index(),
            p => Assert.Equal(models.Zip(counts, (model, count) => count * model[p.Index]).Sum() / counts.Sum(), p.Item, 1e-6)
        );
    }

    [Fact]
    public void Score_WhenToldToStopOrGivenOtherWeights_Throws()
    {
        var (inputs, weights) = Trained();

        Assert.Throws<OperationCanceledException>(() =>
            MemberScorer.Score(inputs.Plan, weights, inputs.Validation!, ComputeDevices.SingleCpu, new CancellationToken(canceled: true))
        );
        Assert.Throws<InvalidDataException>(() =>
            MemberScorer.Score(
                inputs.Plan,
                [.. weights.Skip(1)],
                inputs.Validation!,
                ComputeDevices.SingleCpu,
                TestContext.Current.CancellationToken
            )
        );
    }

    private static (StageInputs Inputs, IReadOnlyList<TensorData> Weights) Trained()
    {
        var inputs = SmallStage.Inputs();
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.Run(training);
        return (inputs, training.Snapshot());
    }

    private static Core.Tokens.ArrayTokenSet Prefix(Core.Tokens.TokenSet set, int count)
    {
        var tokens = new int[count];
        set.Read(0, tokens);
        return new Core.Tokens.ArrayTokenSet([.. tokens.Select(token => (ushort)token)], [0], set.TokenBytes);
    }
}
