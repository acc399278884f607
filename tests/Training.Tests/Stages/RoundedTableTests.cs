using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>The embedding table is upstream's on CUDA where products are bfloat16: it and its moments hold bfloat16's numbers.</summary>
public sealed class RoundedTableTests
{
    private const string Table = "transformer.wte.weight";

    private static readonly ModelRecipe Model = SmallStage.Model with { Products = MatrixPrecision.BF16 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RunStep_WithProductsInBfloat16_KeepsTableAndMomentsInBfloat16(bool asOnADevice)
    {
        using var training = StageTraining.Begin(SmallStage.Inputs(model: Model), SmallStage.Cpus(1), replicate: asOnADevice);
        AssertRounded(training, Model);

        for (var i = 0; i < 3; i++)
        {
            training.RunStep(TestContext.Current.CancellationToken);
            AssertRounded(training, Model);
        }
    }

    [Fact]
    public void RunStep_WithProductsInFloat32_RoundsNothing()
    {
        using var training = StageTraining.Begin(SmallStage.Inputs(), SmallStage.Cpus(1));
        training.RunStep(TestContext.Current.CancellationToken);

        var state = SmallStage.Captured(training);

        Assert.All(
            new[] { "parameters", "optimizer/adamw/first", "optimizer/adamw/second" },
            name => Assert.NotEqual(0, Unrounded(Of(state, name, SmallStage.Model, Table)))
        );
    }

    /// <summary>Noise is added to the table of the stage before.</summary>
    [Fact]
    public void Begin_OfAContinuedStage_RoundsWhatWasShaken()
    {
        var stage = SmallStage.Recipe with { Continuation = new ContinuationRecipe() };
        var first = SmallStage.Inputs(stage, Model);
        IReadOnlyList<TensorData> final;
        using (var training = StageTraining.Begin(first, SmallStage.Cpus(1)))
        {
            final = SmallStage.Run(training);
        }

        var plan = first.Plan with { Id = new StageId(0, 1), ChainStages = 3, Predecessor = new StageId(0, 0), OrderSeed = 1 };
        using var continued = StageTraining.Begin(first with { Plan = plan, Predecessor = final }, SmallStage.Cpus(1));

        Assert.NotEqual(
            Of(final, "parameters", Model, Table).ToArray(),
            Of(SmallStage.Captured(continued), "parameters", Model, Table).ToArray()
        );
        AssertRounded(continued, Model);
    }

    private static void AssertRounded(StageTraining training, ModelRecipe model)
    {
        var state = SmallStage.Captured(training);
        Assert.All(
            new[] { "parameters", "optimizer/adamw/first", "optimizer/adamw/second" },
            name => Assert.Equal(0, Unrounded(Of(state, name, model, Table)))
        );
        // The table alone.
        Assert.NotEqual(0, Unrounded(Of(state, "parameters", model, "lm_head.weight")));
    }

    private static int Unrounded(ReadOnlySpan<float> numbers)
    {
        var unrounded = 0;
        foreach (var number in numbers)
        {
            unrounded += (BitConverter.SingleToUInt32Bits(number) & 0xFFFF) == 0 ? 0 : 1;
        }

        return unrounded;
    }

    private static ReadOnlySpan<float> Of(IReadOnlyList<TensorData> state, string flat, ModelRecipe model, string parameter)
    {
        var table = ParameterTable.Of(model);
        var place = ParameterGroups.Layout(table, ParameterGroups.Of(table, SmallStage.Recipe.Optimizer))[parameter];
        return MemoryMarshal
            .Cast<byte, float>(state.Single(tensor => tensor.Name == flat).Bytes.Span)
            .Slice((int)place.Offset, (int)place.Spec.Count);
    }
}
