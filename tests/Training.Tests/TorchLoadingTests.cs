using static TorchSharp.torch;

namespace Slowrun.Training.Tests;

public sealed class TorchLoadingTests
{
    [Fact]
    public void Matmul_OnThisMachine_GivesTheProductByHand()
    {
        using var scope = NewDisposeScope();
        Tensor a = tensor(new float[] { 1, 2, 3, 4 }, 2, 2);
        Tensor b = tensor(new float[] { 5, 6, 7, 8 }, 2, 2);

        Tensor product = a.matmul(b);

        Assert.Equal([2L, 2L], product.shape);
        Assert.Equal([19f, 22f, 43f, 50f], product.data<float>().ToArray());
    }

    [Fact]
    public void Backward_OfASquare_GivesTwiceTheInput()
    {
        using var scope = NewDisposeScope();
        Tensor x = tensor(new float[] { 1, -2, 3 }, requires_grad: true);

        x.square().sum().backward();

        Assert.Equal([2f, -4f, 6f], x.grad!.data<float>().ToArray());
    }
}
