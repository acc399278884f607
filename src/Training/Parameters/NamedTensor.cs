using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>A part of a training state under the name it has in a checkpoint. Views: not to be disposed by the reader.</summary>
/// <param name="Parts">One behind the other they are the tensor: one, or flat ones that lie on several devices.</param>
public sealed record NamedTensor(string Name, IReadOnlyList<Tensor> Parts)
{
    // A checkpoint's tensor must stay under 2 GiB; a quarter of a billion float32 numbers are 1 GiB.
    private const long PieceLength = 1L << 28;

    public NamedTensor(string name, Tensor tensor)
        : this(name, [tensor]) { }

    /// <summary>The tensor, where it is one.</summary>
    public Tensor Tensor =>
        Parts.Count == 1 ? Parts[0] : throw new InvalidOperationException($"Tensor '{Name}' is divided into {Parts.Count} parts.");

    /// <summary>As it is in a checkpoint.</summary>
    public IReadOnlyList<long> Shape => Parts.Count == 1 ? Parts[0].shape : [Parts.Sum(part => part.numel())];

    /// <summary>Views that cover a flat tensor: itself, or <c>name.0</c>, <c>name.1</c>, … of at most 1 GiB (at float32).</summary>
    public static IReadOnlyList<NamedTensor> Pieces(string name, Tensor flat) => Pieces(name, [flat], PieceLength);

    /// <summary>The same of a flat tensor in parts. What is returned outlives the caller's dispose scope; parts that were cut end with
    /// it, or they would keep their storage until they are collected.</summary>
    public static IReadOnlyList<NamedTensor> Pieces(string name, IReadOnlyList<Tensor> parts) => Pieces(name, parts, PieceLength);

    internal static IReadOnlyList<NamedTensor> Pieces(string name, IReadOnlyList<Tensor> parts, long pieceLength)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var length = parts.Sum(part => part.numel());
        if (length <= pieceLength)
        {
            return [new NamedTensor(name, [.. parts.Select(part => part.DetachFromDisposeScope())])];
        }

        var pieces = new List<NamedTensor>();
        for (long start = 0; start < length; start += pieceLength)
        {
            pieces.Add(new NamedTensor($"{name}.{pieces.Count}", Cut(parts, start, Math.Min(start + pieceLength, length))));
        }

        return pieces;
    }

    private static List<Tensor> Cut(IReadOnlyList<Tensor> parts, long start, long end)
    {
        var views = new List<Tensor>();
        long begun = 0;
        foreach (var part in parts)
        {
            var (from, to) = (Math.Max(start, begun), Math.Min(end, begun + part.numel()));
            if (from < to)
            {
                views.Add(part.narrow(0, from - begun, to - from).DetachFromDisposeScope());
            }

            begun += part.numel();
        }

        return views;
    }
}
