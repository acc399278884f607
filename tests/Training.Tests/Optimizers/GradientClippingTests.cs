using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Kernels.Cuda;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
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

    /// <summary>A norm is summed in the order of the layout, however devices divide it: also where a block belongs to two.</summary>
    [Theory]
    [InlineData("composed")]
    [InlineData("fused")]
    [InlineData("kernels")]
    public void Clip_OfAGradientThatDevicesDivide_HasTheBitsOfOne(string name)
    {
        Assert.SkipWhen(name == "kernels" && PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");
        using var scope = NewDisposeScope();
        var path =
            name == "fused" ? StepPath.Fused
            : name == "composed" ? StepPath.Composed
            : StepPath.Kernels;
        var table = ParameterTable.Of(SmallStage.Model with { VocabSize = 3001, Layers = 6 });
        var groups = ParameterGroups.Of(table, new OptimizerRecipe());
        var layout = ParameterGroups.Layout(table, groups);
        var gradient = randn(layout.Length, generator: new Generator(7));
        foreach (var devices in (int[])[3, 8])
        {
            var (whole, given) = (gradient.clone(), gradient.clone());
            var shards = OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout, stackNumbers: 1), devices);
            ShardGradient[] parts = [.. shards.Select(shard => Part(given, shard, layout, path))];
            var one = Clip([ShardGradient.Whole(whole)]);
            var several = Clip(parts);

            Assert.Equal(one.item<float>(), several.item<float>());
            Assert.All(
                parts.SelectMany(part => part.Held.Ranges.Select(range => (part, range))),
                held => Assert.True(held.part.Of(held.range).eq(whole.narrow(0, held.range.Start, held.range.Length)).all().ToBoolean())
            );
        }

        Tensor Clip(ShardGradient[] of) =>
            GradientClipping.Clip(
                of,
                layout,
                0.5,
                path,
                path == StepPath.Kernels ? [.. of.Select(_ => new UpdateKernels(PlayedCuda.Kernels(rounded: false)))] : null
            );
    }

    private static ShardGradient Part(Tensor gradient, OptimizerShard shard, ParameterLayout layout, StepPath path)
    {
        var held = shard.Cover.Widened(GradientClipping.BlockNumbers(path), layout.Length);
        var sum =
            held.Length == 0 ? empty(0) : cat([.. held.Ranges.Select(range => gradient.narrow(0, range.Start, range.Length).clone())]);
        return new ShardGradient(sum, shard.Cover, held);
    }

    private static StepPath Path(bool fused) => fused ? StepPath.Fused : StepPath.Composed;

    private static ParameterLayout Make()
    {
        var table = ParameterTable.Of(new ModelRecipe());
        return ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe()));
    }
}
