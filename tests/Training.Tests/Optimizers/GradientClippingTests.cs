using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Optimizers;

public sealed class GradientClippingTests
{
    private static readonly ParameterLayout Layout = Make();

    [Theory]
    [InlineData(1.0, 1.0, false)]
    [InlineData(1e9, 2.0, false)]
    [InlineData(0, 2.0, false)]
    [InlineData(1.0, 1.0, true)]
    [InlineData(1e9, 2.0, true)]
    [InlineData(0, 2.0, true)]
    public void Clip_OfAGradientOfTwos_ScalesItDownToTheNormOrLeavesIt(double maximum, double expected, bool fused)
    {
        using var scope = NewDisposeScope();
        var gradient = zeros(Layout.Length);
        foreach (var place in Layout.Parameters)
        {
            gradient.narrow(0, place.Offset, place.Spec.Count).fill_(2);
        }

        var numbers = Layout.Parameters.Sum(place => place.Spec.Count);

        var norm = GradientClipping.Clip(gradient, Layout, maximum, Path(fused)).item<float>();

        Assert.Equal(2 * Math.Sqrt(numbers), norm, 1e-3);
        var scale = expected == 1.0 ? 1 / Math.Sqrt(numbers) : expected;
        Assert.Equal(scale, gradient[Layout["lm_head.weight"].Offset].item<float>(), 1e-6);
    }

    [Theory]
    [InlineData(float.PositiveInfinity, false)]
    [InlineData(float.NaN, false)]
    [InlineData(float.PositiveInfinity, true)]
    [InlineData(float.NaN, true)]
    public void Clip_OfANotFiniteGradient_ReturnsANormThatIsNotFinite(float value, bool fused)
    {
        using var scope = NewDisposeScope();
        var gradient = ones(Layout.Length);
        gradient[0].fill_(value);

        Assert.False(float.IsFinite(GradientClipping.Clip(gradient, Layout, 1, Path(fused)).item<float>()));
        Assert.False(float.IsFinite(gradient.sum().item<float>()));
    }

    private static StepPath Path(bool fused) => fused ? StepPath.Fused : StepPath.Composed;

    private static ParameterLayout Make()
    {
        var table = ParameterTable.Of(new ModelRecipe());
        return ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe()));
    }
}
