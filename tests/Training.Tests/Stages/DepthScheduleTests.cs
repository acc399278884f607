using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage whose network grows: layers that have not come in yet stay as they were drawn, and it resumes as exactly as any
/// other.</summary>
public sealed class DepthScheduleTests
{
    internal static readonly ModelRecipe Model = SmallStage.Model with
    {
        Layers = 6,
        SharedBlocks = new SharedBlocksRecipe { HiddenMultiple = 2 },
        HeadMixing = true,
        // Norms have a gradient from the first step on.
        Initialization = Initialization.NormalOutput,
    };

    /// <summary>Two layers for two of six steps, four for two more.</summary>
    internal static readonly StageRecipe Growing = SmallStage.Recipe with
    {
        Loop = null,
        Depth = [new(0.3, 2), new(0.6, 4)],
        ClipNorm = 0,
        StochasticDepth = 0.1,
    };

    [Fact]
    public void Training_OfLayersThatHaveNotComeIn_LeavesThemAsTheyWereDrawn()
    {
        using var training = Begin(Growing);
        var drawn = Weights(SmallStage.Captured(training));
        Assert.Equal((6, StepPath.Composed), (training.Steps, StepPaths.Of(SmallStage.Inputs(Growing, Model).Plan, onProcessor: true)));

        foreach (var (until, present) in new[] { (2, 2), (4, 4), (6, 6) })
        {
            var now = Weights(SmallStage.Run(training, until));
            var moved = ParameterTable
                .Of(Model)
                .Where(parameter => parameter.Layer is not null && !now[parameter.Name].SequenceEqual(drawn[parameter.Name]))
                .Select(parameter => parameter.Layer!.Value)
                .ToHashSet();
            Assert.Equal(LayerVisits.Of(Model.Layers, null, present).ToHashSet(), moved);
        }
    }

    /// <summary>As of one that is trained from the start: AdamW's first step is as long as the learning rate, in either
    /// direction.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 1)]
    [InlineData(4, 2)]
    public void Training_OfALayerThatComesIn_BeginsWithItsFirstStep(int step, int layer)
    {
        var name = $"transformer.h.{layer}.mlp_norm.bias";
        using var training = Begin(Growing);
        var before = Weights(SmallStage.Run(training, step))[name];

        var after = Weights(SmallStage.Run(training, step + 1))[name];

        var optimizer = Growing.Optimizer;
        var rate = optimizer.ScalarLearningRate * optimizer.LearningRateMultiplier;
        Assert.All(after.Zip(before), pair => Assert.Equal(rate, Math.Abs(pair.First - pair.Second), rate * 1e-3));
    }

    [Fact]
    public void Training_ByReplicas_EndsWithTheSameBytes()
    {
        using var alone = Begin(Growing);
        using var divided = StageTraining.Begin(SmallStage.Inputs(Growing, Model), SmallStage.Cpus(4), replicate: true);

        SmallStage.AssertSame(SmallStage.Run(alone), SmallStage.Run(divided));
    }

    [Fact]
    public void Training_WithPhases_DiffersFromTheFirstStepOn()
    {
        using var whole = Begin(Growing with { Depth = null });
        using var growing = Begin(Growing);

        var stop = TestContext.Current.CancellationToken;

        Assert.NotEqual(whole.RunStep(stop).LossNats, growing.RunStep(stop).LossNats);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(6, false)]
    public void LossNats_WithinAPhase_IsOfTheLayersThatTakePart(int step, bool isAbsent)
    {
        using var training = Begin(Growing);
        var state = SmallStage.Run(training, step);
        var (inputs, stop) = (SmallStage.Inputs(Growing, Model), TestContext.Current.CancellationToken);
        var place = Layout["transformer.h.2.attn_norms.0.weight"];
        var parameters = state.Single(tensor => tensor.Name == "parameters");
        var bytes = parameters.Bytes.ToArray();
        MemoryMarshal.Cast<byte, float>(bytes.AsSpan()).Slice((int)place.Offset, (int)place.Spec.Count).Fill(3);
        using var other = StageTraining.Resume(
            inputs,
            SmallStage.Cpus(1),
            [.. state.Select(tensor => tensor.Name == parameters.Name ? tensor with { Bytes = bytes } : tensor)]
        );

        Assert.Equal(isAbsent, training.LossNats(inputs.Validation!, stop) == other.LossNats(inputs.Validation!, stop));
    }

    [Fact]
    public void Resume_AtEveryStep_TakesTheSameNextStep()
    {
        using var undisturbed = Begin(Growing);
        var state = SmallStage.Captured(undisturbed);
        while (undisturbed.Step < undisturbed.Steps)
        {
            using var resumed = StageTraining.Resume(SmallStage.Inputs(Growing, Model), SmallStage.Cpus(1), state);
            SmallStage.Run(resumed, until: resumed.Step + 1);
            state = SmallStage.Run(undisturbed, until: undisturbed.Step + 1);
            SmallStage.AssertSame(state, SmallStage.Captured(resumed));
        }

        Assert.Equal(
            ParameterTable.Of(Model).Select(parameter => parameter.Name),
            undisturbed.Snapshot(TestContext.Current.CancellationToken).Select(tensor => tensor.Name)
        );
    }

    private static StageTraining Begin(StageRecipe recipe) => StageTraining.Begin(SmallStage.Inputs(recipe, Model), SmallStage.Cpus(1));

    private static ParameterLayout Layout
    {
        get
        {
            var table = ParameterTable.Of(Model);
            return ParameterGroups.Layout(table, ParameterGroups.Of(table, Model, Growing));
        }
    }

    /// <summary>Parameters by name, out of a captured state.</summary>
    private static Dictionary<string, float[]> Weights(IReadOnlyList<TensorData> state)
    {
        var flat = MemoryMarshal.Cast<byte, float>(state.Single(tensor => tensor.Name == "parameters").Bytes.Span).ToArray();
        return Layout.Parameters.ToDictionary(
            place => place.Name,
            place => flat[(int)place.Offset..(int)(place.Offset + place.Spec.Count)]
        );
    }
}
