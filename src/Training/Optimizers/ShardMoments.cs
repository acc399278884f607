using Slowrun.Core.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>One kind of moments of one device's part of the model.</summary>
internal sealed class ShardMoments : IDisposable
{
    private readonly FlatSelection held;

    /// <param name="held">Of all moments of this kind: those of this part.</param>
    public ShardMoments(FlatSelection held, Device device)
    {
        this.held = held;
        using var scope = NewDisposeScope();
        Numbers = zeros(held.Length, ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>(its moments) float32, in the order of the whole.</summary>
    public Tensor Numbers { get; }

    /// <summary>A view of some of the whole's moments, which are all here.</summary>
    public Tensor Of(FlatRange range) => Numbers.narrow(0, held.PlaceOf(range.Start), range.Length);

    /// <summary>A view of each range that is here, and where it begins in the whole. They end with the caller's dispose scope.</summary>
    public IEnumerable<(long Start, Tensor Numbers)> Views() => held.Ranges.Select(range => (range.Start, Of(range)));

    /// <summary>Copies what is here of both.</summary>
    public void Take(ShardMoments from)
    {
        foreach (var range in held.Common(from.held))
        {
            using var scope = NewDisposeScope();
            Of(range).copy_(from.Of(range));
        }
    }

    public void Dispose() => Numbers.Dispose();
}
