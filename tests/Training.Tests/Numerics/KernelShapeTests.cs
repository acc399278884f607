using Slowrun.Core.Recipes;
using Slowrun.Training.Fingerprinting;
using Slowrun.Training.Tests.Stages;

namespace Slowrun.Training.Tests.Numerics;

public sealed class KernelShapeTests
{
    private static readonly ModelRecipe Large = new()
    {
        VocabSize = 50257,
        SequenceLength = 2048,
        Layers = 30,
        Heads = 16,
        Width = 2048,
        ShortWindow = 1024,
        Products = MatrixPrecision.BF16,
    };

    [Fact]
    public void Of_AStageOnAGpu_HasItsOwnSizes()
    {
        var shape = KernelShape.Of(SmallStage.Inputs(model: Large).Plan, gpu: true);

        Assert.Equal(
            (50257, 2048, 16, 2048, 2, 1024),
            (shape.VocabSize, shape.SequenceLength, shape.Heads, shape.Width, shape.Rows, shape.Windows.Narrow)
        );
        Assert.Equal(MatrixPrecision.BF16, shape.Products);
    }

    [Fact]
    public void Of_ALargeStageOnAProcessor_IsBounded()
    {
        var shape = KernelShape.Of(SmallStage.Inputs(model: Large).Plan, gpu: false);

        Assert.Equal(
            (61, 128, 2, 128, 2, 128),
            (shape.VocabSize, shape.SequenceLength, shape.Heads, shape.Width, shape.Rows, shape.Windows.Narrow)
        );
    }

    /// <summary>The fingerprint covers the kernels of this path, precision, head width and length; a stage that differs in none of them
    /// needs no further training.</summary>
    [Fact]
    public void Fingerprint_OfStages_DiffersByPathPrecisionHeadWidthAndLengthAlone()
    {
        string Of(ModelRecipe model) => NumericsFingerprint.Of("cpu:0", SmallStage.Inputs(model: model).Plan);
        var first = Of(SmallStage.Model);

        Assert.Equal(first, Of(SmallStage.Model with { Layers = 4, VocabSize = 300 }));
        Assert.Equal(
            5,
            new[]
            {
                first,
                Of(SmallStage.Model with { Products = MatrixPrecision.BF16 }),
                Of(SmallStage.Model with { KeyOffset = true }),
                Of(SmallStage.Model with { Heads = 1 }),
                Of(SmallStage.Model with { SequenceLength = 20 }),
            }
                .Distinct()
                .Count()
        );
    }
}
