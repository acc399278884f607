using Slowrun.Core.Recipes;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Tests.Kernels;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Optimizers;

public sealed class OrthogonalizationTests
{
    /// <summary>Sizes of which libtorch multiplies some by loops of its own, and some by its library.</summary>
    [Theory]
    [InlineData(1, 4, 12)]
    [InlineData(3, 32, 4)]
    [InlineData(5, 64, 64)]
    [InlineData(2, 256, 64)]
    [InlineData(2, 64, 256)]
    [InlineData(1, 37, 41)]
    public void ApplyInPlace_OfAStack_HasTheBytesOfApply(long matrices, long rows, long columns)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var draws = new Draws(7);
        var u = draws.Normal(matrices, rows, columns);

        var expected = Orthogonalization.Apply(u, OrthogonalizationPrecision.F32).contiguous();
        var found = Orthogonalization.ApplyInPlace(u.clone());

        Assert.True(expected.bytes.SequenceEqual(found.bytes));
    }
}
