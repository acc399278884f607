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

    /// <summary>A view that is not disposed keeps the memory of all that it is a view of.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(4)]
    public void Pieces_OfParts_OutliveTheScopeAndLeaveNoOtherViewBehind(long pieceLength)
    {
        using var flat = arange(10, ScalarType.Float32);
        List<TorchSharp.torch.Tensor> parts;
        IReadOnlyList<NamedTensor> pieces;
        using (NewDisposeScope())
        {
            parts = [flat.narrow(0, 0, 6), flat.narrow(0, 6, 4)];
            pieces = NamedTensor.Pieces("moments", parts, pieceLength);
        }

        var kept = pieces.SelectMany(piece => piece.Parts).ToList();
        Assert.Equal(flat.data<float>().ToArray(), kept.SelectMany(part => part.data<float>().ToArray()));
        Assert.All(parts, part => Assert.True(part.IsInvalid || kept.Contains(part, ReferenceEqualityComparer.Instance)));
        kept.ForEach(part => part.Dispose());
    }
}
