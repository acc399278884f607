using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Parameters;

public sealed class NamedTensorTests
{
    [Fact]
    public void Pieces_OfATensorThatFits_AreItself()
    {
        using var flat = zeros(10);

        var piece = Assert.Single(NamedTensor.Pieces("moments", [flat], pieceLength: 10));

        Assert.Equal("moments", piece.Name);
        Assert.Same(flat, piece.Tensor);
    }

    [Fact]
    public void Pieces_OfALongerTensor_AreViewsThatCoverItOnce()
    {
        using var scope = NewDisposeScope();
        var flat = arange(10, ScalarType.Float32);

        var pieces = NamedTensor.Pieces("moments", [flat], pieceLength: 4);

        Assert.Equal(["moments.0", "moments.1", "moments.2"], pieces.Select(piece => piece.Name));
        Assert.Equal(flat.data<float>().ToArray(), pieces.SelectMany(piece => piece.Tensor.data<float>().ToArray()));
        pieces[1].Tensor.fill_(-1);
        Assert.Equal(-1f, flat[4].item<float>());
    }
}
