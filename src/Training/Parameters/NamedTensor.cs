using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>A contiguous part of a training state under the name it has in a checkpoint. A view: not to be disposed by the
/// reader.</summary>
public sealed record NamedTensor(string Name, Tensor Tensor)
{
    // A checkpoint's tensor must stay under 2 GiB; a quarter of a billion float32 numbers are 1 GiB.
    private const long PieceLength = 1L << 28;

    /// <summary>Views that cover a flat tensor: itself, or <c>name.0</c>, <c>name.1</c>, … of at most 1 GiB (at float32).</summary>
    public static IReadOnlyList<NamedTensor> Pieces(string name, Tensor flat) => Pieces(name, flat, PieceLength);

    internal static IReadOnlyList<NamedTensor> Pieces(string name, Tensor flat, long pieceLength)
    {
        ArgumentNullException.ThrowIfNull(flat);
        var length = flat.numel();
        if (length <= pieceLength)
        {
            return [new NamedTensor(name, flat)];
        }

        var pieces = new List<NamedTensor>();
        for (long start = 0; start < length; start += pieceLength)
        {
            var view = flat.narrow(0, start, Math.Min(pieceLength, length - start)).DetachFromDisposeScope();
            pieces.Add(new NamedTensor($"{name}.{pieces.Count}", view));
        }

        return pieces;
    }
}
