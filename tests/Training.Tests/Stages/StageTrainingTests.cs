using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

public sealed class StageTrainingTests
{
    private static readonly StageRecipe BestKept = SmallStage.Recipe with
    {
        Selection = new SelectionRecipe { Rule = SelectionRule.BestValidation },
    };

    [Fact]
    public void Begin_OnAPathThatDoesNotKnowAnOption_IsRefused()
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe, SmallStage.Model with { KeyOffset = true });

        var error = Assert.Throws<ArgumentException>(() =>
            StageTraining.Begin(inputs, ComputeDevices.SingleCpu, replicate: false, StepPath.Fused)
        );

        Assert.Contains("would train another function", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_OnThePathThatIsNotThePlansOwn_EndsWithThatPathsBytes()
    {
        var inputs = SmallStage.Inputs();
        using var whole = StageTraining.Begin(inputs, ComputeDevices.SingleCpu, replicate: false, StepPath.Composed);
        using var begun = StageTraining.Begin(inputs, ComputeDevices.SingleCpu, replicate: false, StepPath.Composed);
        var captured = SmallStage.Run(begun, until: 2);
        using var resumed = StageTraining.Resume(inputs, ComputeDevices.SingleCpu, captured, StepPath.Composed);
        using var own = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);

        var expected = SmallStage.Run(whole);

        Assert.True(SmallStage.Same(expected, SmallStage.Run(resumed)));
        Assert.False(SmallStage.Same(expected, SmallStage.Run(own)));
    }

    [Fact]
    public void RunStep_OverAWholeStage_Learns()
    {
        using var training = StageTraining.Begin(
            SmallStage.Inputs(SmallStage.Recipe with { Epochs = 30, Dropout = 0 }),
            ComputeDevices.SingleCpu
        );
        var losses = new List<double>();
        while (training.Step < training.Steps)
        {
            var result = training.RunStep(TestContext.Current.CancellationToken);
            Assert.True(result.Completed && result.Finite);
            losses.Add(result.LossNats);
        }

        Assert.Equal(Math.Log(SmallStage.Model.VocabSize), losses[0], 0.2);
        Assert.True(losses[^1] < losses[0] - 1, $"The loss went from {losses[0]:F3} to {losses[^1]:F3}.");
    }

    [Theory]
    [InlineData(SelectionRule.Final, false)]
    [InlineData(SelectionRule.BestValidation, false)]
    [InlineData(SelectionRule.Final, true)]
    public void Resume_AtEveryStep_EndsWithTheSameBytes(SelectionRule rule, bool taught)
    {
        var inputs = SmallStage.Inputs(rule, taught);
        using var undisturbed = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var expected = SmallStage.Run(undisturbed);
        var snapshot = undisturbed.Snapshot(TestContext.Current.CancellationToken);
        Assert.True(undisturbed.Steps >= 6);

        using var interrupted = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        for (var step = 0; step <= undisturbed.Steps; step++)
        {
            var captured = SmallStage.Run(interrupted, until: step);
            using var resumed = StageTraining.Resume(inputs, ComputeDevices.SingleCpu, captured);
            Assert.Equal(step, resumed.Step);
            SmallStage.AssertSame(expected, SmallStage.Run(resumed));
            SmallStage.AssertSame(snapshot, resumed.Snapshot(TestContext.Current.CancellationToken));
        }
    }

    /// <summary>Without any one tensor's content the end differs: so every one of them is needed, and the comparison sees it.</summary>
    [Theory]
    [InlineData(SelectionRule.BestValidation)]
    [InlineData(SelectionRule.Averaged)]
    public void Resume_WithAnyTensorOfTheStateLost_EndsOtherwise(SelectionRule rule)
    {
        var averages = new SelectionRecipe
        {
            Rule = rule,
            Ema = new EmaRecipe { Every = 1, FromFraction = 0 },
            Swa = new SwaRecipe { LastEpochs = 2 },
        };
        var inputs = SmallStage.Inputs(rule == SelectionRule.Averaged ? SmallStage.Recipe with { Selection = averages } : BestKept);
        using var fresh = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var untouched = SmallStage.Captured(fresh);
        var expected = SmallStage.Run(fresh);
        using var interrupted = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var captured = SmallStage.Run(interrupted, until: fresh.Steps - 2);

        for (var i = 0; i < captured.Count; i++)
        {
            var damaged = captured.ToList();
            damaged[i] = untouched[i];
            using var resumed = StageTraining.Resume(inputs, ComputeDevices.SingleCpu, damaged);
            Assert.False(SmallStage.Same(expected, SmallStage.Run(resumed)), $"'{captured[i].Name}' was lost and nothing changed.");

            damaged.RemoveAt(i);
            var error = Assert.Throws<InvalidDataException>(() => StageTraining.Resume(inputs, ComputeDevices.SingleCpu, damaged));
            Assert.Contains($"'{captured[i].Name}'", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Resume_WithATensorTooManyOrOfAnotherShape_IsRefused()
    {
        var inputs = SmallStage.Inputs();
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var captured = SmallStage.Captured(training);

        Assert.Throws<InvalidDataException>(() =>
            StageTraining.Resume(inputs, ComputeDevices.SingleCpu, [.. captured, captured[0] with { Name = "extra" }])
        );
        Assert.Throws<InvalidDataException>(() =>
            StageTraining.Resume(
                inputs,
                ComputeDevices.SingleCpu,
                [captured[0] with { Shape = [1, captured[0].Shape[0]] }, .. captured.Skip(1)]
            )
        );
    }

    /// <summary>Computing activations again changes no bit, whatever else is on.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void RunStep_WithRecompute_GivesTheSameBytes(int seed)
    {
        var inputs = RandomStage.Of(seed);
        StageInputs With(bool recompute) =>
            inputs with
            {
                Plan = inputs.Plan with { Stage = inputs.Plan.Stage with { Recompute = recompute } },
            };

        using var kept = StageTraining.Begin(With(false), ComputeDevices.SingleCpu);
        using var again = StageTraining.Begin(With(true), SmallStage.Cpus(2));

        SmallStage.AssertSame(SmallStage.Run(kept, until: 4), SmallStage.Run(again, until: 4));
    }

    [Fact]
    public void RunStep_WhenToldToStop_LeavesTheStateAsItWas()
    {
        var inputs = SmallStage.Inputs();
        using var training = StageTraining.Begin(inputs, SmallStage.Cpus(2));
        var before = SmallStage.Run(training, until: 1);

        Assert.False(training.RunStep(new CancellationToken(canceled: true)).Completed);

        SmallStage.AssertSame(before, SmallStage.Captured(training));
        using var undisturbed = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.AssertSame(SmallStage.Run(undisturbed), SmallStage.Run(training));
    }

    [Fact]
    public void Snapshot_OfTheBestWeights_HasTheLowestValidationLossOfAnyEpoch()
    {
        var inputs = SmallStage.Inputs(
            BestKept with
            {
                Epochs = 50,
                Dropout = 0,
                Loop = null,
                Optimizer = new OptimizerRecipe { LearningRateMultiplier = 2, WeightDecay = 0 },
            }
        );
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.Run(training);
        using var last = StageTraining.Resume(
            inputs with
            {
                Plan = inputs.Plan with { Stage = inputs.Plan.Stage with { Selection = new SelectionRecipe() } },
            },
            ComputeDevices.SingleCpu,
            [.. SmallStage.Captured(training).Where(tensor => !tensor.Name.StartsWith("best/", StringComparison.Ordinal))]
        );

        double Loss(IReadOnlyList<TensorData> weights) =>
            MemberScorer
                .Score(inputs.Plan, weights, inputs.Validation!, ComputeDevices.SingleCpu, TestContext.Current.CancellationToken)
                .Average(p => -Math.Log(p));

        var best = Loss(training.Snapshot(TestContext.Current.CancellationToken));
        var final = Loss(last.Snapshot(TestContext.Current.CancellationToken));
        Assert.True(best < final, $"best {best}, final {final}");
        Assert.Equal(
            best,
            BitConverter.ToDouble(SmallStage.Captured(training).Single(tensor => tensor.Name == "best/loss").Bytes.Span),
            1e-9
        );
    }

    [Fact]
    public void Begin_WithoutWhatThePlanNeeds_SaysSo()
    {
        var taught = SmallStage.Inputs(SmallStage.Recipe with { Distillation = new DistillationRecipe() }, taught: true);
        Assert.Throws<ArgumentException>(() => StageTraining.Begin(taught, ComputeDevices.SingleCpu));

        var best = SmallStage.Inputs(BestKept);
        Assert.Throws<ArgumentException>(() => StageTraining.Begin(best with { Validation = null }, ComputeDevices.SingleCpu));

        var odd = SmallStage.Inputs(model: SmallStage.Model with { Layers = 3 });
        var error = Assert.Throws<ArgumentException>(() => StageTraining.Begin(odd, ComputeDevices.SingleCpu));
        Assert.Contains("model.layers is 3", error.Message, StringComparison.Ordinal);
    }
}
