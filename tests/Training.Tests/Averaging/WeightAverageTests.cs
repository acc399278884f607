using Slowrun.Core.Recipes;
using Slowrun.Training.Averaging;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Averaging;

public sealed class WeightAverageTests
{
    [Theory]
    [InlineData(false, (1 + 2 + 6) / 3.0)]
    [InlineData(true, ((1 * 1) + (2 * 2) + (3 * 6)) / 6.0)]
    public void CopyInto_OfThreeWeights_IsTheirMean(bool byRecency, double expected)
    {
        using var scope = NewDisposeScope();
        using var average = new WeightAverage(2, CPU, byRecency);
        foreach (var value in new[] { 1f, 2f, 6f })
        {
            average.Add(full(2, value, ScalarType.Float32));
        }

        var result = zeros(2);
        average.CopyInto(result);

        Assert.Equal(expected, result[1].item<float>(), 1e-6);
    }

    [Fact]
    public void CopyInto_WhenNothingWasAdded_Throws()
    {
        using var scope = NewDisposeScope();
        using var average = new WeightAverage(2, CPU, byRecency: false);

        Assert.Throws<InvalidOperationException>(() => average.CopyInto(zeros(2)));
    }

    [Fact]
    public void BlendInto_WhenTheStageWasTooShortForAnUpdate_Throws()
    {
        using var scope = NewDisposeScope();
        using var average = new ExponentialAverage(2, CPU, EmaForm.FromFirstWeights, 0.95);

        Assert.Throws<InvalidOperationException>(() => average.BlendInto(zeros(2), 0.6));
    }

    // What a resume does: everything that an average knows is in its state.
    [Fact]
    public void State_CopiedToAnotherAverage_GoesOnAsTheFirst()
    {
        using var scope = NewDisposeScope();
        using var first = new ExponentialAverage(3, CPU, EmaForm.FromZero, 0.9);
        using var second = new ExponentialAverage(3, CPU, EmaForm.FromZero, 0.9);
        first.Update(tensor(new[] { 1f, 2f, 3f }));
        foreach (var (from, to) in first.State.Zip(second.State))
        {
            to.Tensor.copy_(from.Tensor);
        }

        first.Update(tensor(new[] { 5f, 5f, 5f }));
        second.Update(tensor(new[] { 5f, 5f, 5f }));

        var (a, b) = (zeros(3), zeros(3));
        first.BlendInto(a, 0);
        second.BlendInto(b, 0);
        Assert.Equal(a.data<float>().ToArray(), b.data<float>().ToArray());
    }
}
