using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Optimizers;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Optimizers;

public sealed class GradientClippingTests
{
    private static readonly ParameterLayout Layout = Make();

    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(1e9, 2.0)]
    [InlineData(0, 2.0)]
    public void Clip_OfAGradientOfTwos_ScalesItDownToTheNormOrLeavesIt(double maximum, double expected)
    {
        using var scope = NewDisposeScope();
        var gradient = full(Layout.Length, 2f, ScalarType.Float32);
        var numbers = Layout.Parameters.Sum(place => place.Spec.Count);

        var norm = GradientClipping.Clip(gradient, Layout, maximum).item<float>();

        Assert.Equal(2 * Math.Sqrt(numbers), norm, 1e-3);
        var scale = expected == 1.0 ? 1 / Math.Sqrt(numbers) : expected;
        Assert.Equal(scale, gradient[Layout["lm_head.weight"].Offset].item<float>(), 1e-6);
    }

    [Fact]
    public void Clip_OfANotFiniteGradient_ReturnsANormThatIsNotFinite()
    {
        using var scope = NewDisposeScope();
        var gradient = ones(Layout.Length);
        gradient[0].fill_(float.PositiveInfinity);

        Assert.False(float.IsFinite(GradientClipping.Clip(gradient, Layout, 1).item<float>()));
    }

    private static ParameterLayout Make()
    {
        var table = ParameterTable.Of(new ModelRecipe());
        return ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe()));
    }
}
