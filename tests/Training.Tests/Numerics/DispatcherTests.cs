using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Numerics;

/// <summary>The marshalling that flash attention on CUDA needs, by the processor's flash operator: tensors, numbers, and arguments there or
/// absent.</summary>
public sealed class DispatcherTests
{
    [Theory]
    [InlineData(true, null, false)]
    [InlineData(false, 0.3, false)]
    [InlineData(false, null, true)]
    public void Call_OfTheProcessorsFlashAttention_GivesItsResultAndGradients(bool causal, double? scale, bool masked)
    {
        using var scope = NewDisposeScope();
        using var masks = new WindowMasks(CPU, ScalarType.Float32);
        Tensor[] one = [.. Inputs()],
            other = [.. Inputs()];
        var mask = masked ? masks.Of(24, 5) : null;

        var found = Dispatcher.Call(
            "aten::_scaled_dot_product_flash_attention_for_cpu",
            2,
            Dispatcher.Of(one[0]),
            Dispatcher.Of(one[1]),
            Dispatcher.Of(one[2]),
            Dispatcher.Of(0.0),
            Dispatcher.Of(causal),
            Dispatcher.Optional(mask is null ? null : Dispatcher.Of(mask)),
            Dispatcher.Optional(scale is { } given ? Dispatcher.Of(given) : null)
        );
        var rows = scale is { } factor ? other[0].mul(factor * Math.Sqrt(16)) : other[0];
        var expected = nn.functional.scaled_dot_product_attention(rows, other[1], other[2], mask, 0, causal);

        Close.Max(expected, found[0], 1e-5, "output");
        Assert.Equal([2, 3, 24], found[1].shape);
        foreach (var (exact, near) in autograd.grad([expected.pow(2).sum()], other).Zip(autograd.grad([found[0].pow(2).sum()], one)))
        {
            Close.Max(exact, near, 1e-4, "gradient");
        }
    }

    /// <summary>Its reference was a new one: the caller's tensor lives on, also after many calls.</summary>
    [Fact]
    public void Call_ManyTimes_TakesOverOnlyItsOwnReferences()
    {
        using var scope = NewDisposeScope();
        var x = ones(3);
        for (var i = 0; i < 1000; i++)
        {
            using var inner = NewDisposeScope();
            Assert.Equal(2, Dispatcher.Call("aten::mul", "Tensor", 1, Dispatcher.Of(x), Dispatcher.Of(x.add(1)))[0][0].ToDouble());
        }

        Assert.Equal(3, x.sum().ToDouble());
    }

    [Fact]
    public void Call_OfWhatDoesNotExist_IsAnExceptionThatNamesIt()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Dispatcher.Call("aten::no_such_operator", 1));

        Assert.Contains("aten::no_such_operator", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A query sees as many keys before its own as with masks: the window itself, or all of them.</summary>
    [Theory]
    [InlineData(16, 3, 3L)]
    [InlineData(16, 14, 14L)]
    [InlineData(16, 15, null)]
    [InlineData(16, 16, null)]
    public void Left_OfAWindow_IsWhatTheMaskShows(long length, int window, long? left)
    {
        Assert.Equal(left, WindowedFlash.Left(length, window));
        using var masks = new WindowMasks(CPU, ScalarType.Float32);
        var mask = masks.Of(length, window);
        Assert.Equal(left is null, mask is null);
        if (mask is not null)
        {
            using var scope = NewDisposeScope();
            Assert.Equal(left + 1, mask[length - 1].eq(0).sum().ToInt64());
        }
    }

    [Fact]
    public void Obstacle_OnAProcessor_SaysThatThereIsNoSuchAttention() =>
        Assert.Contains("CUDA", WindowedFlash.Obstacle(CPU, 64), StringComparison.Ordinal);

    private static IEnumerable<Tensor> Inputs() =>
        Enumerable.Range(1, 3).Select(i => arange(2 * 3 * 24 * 16).mul(0.37 * i).sin().view(2, 3, 24, 16).requires_grad_(true));
}
