using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Averaging;

/// <summary>
/// Flat weights that a stage reads and writes seldom: with a device they are in the host's memory, pinned, since the device's is short. An
/// update copies them to the device and back piece by piece, and computes there, so that its bits are the device's.
/// </summary>
/// <param name="device">Of the live weights.</param>
/// <param name="apart">Whether the host's memory is not the device's; tests say so of a processor.</param>
internal sealed class HostMemory(Device device, bool apart)
{
    // 256 MiB on the way at once.
    private const long PieceNumbers = 1L << 26;

    /// <summary>Float32, outside of any dispose scope.</summary>
    public Tensor Zeros(long length)
    {
        using var scope = NewDisposeScope();
        var made = zeros(length, ScalarType.Float32, CPU);
        return (device.type == DeviceType.CPU ? made : made.pin_memory()).DetachFromDisposeScope();
    }

    /// <summary>Changes kept weights by live ones. Does not wait: they are complete once a later result was read.</summary>
    /// <param name="change">Gets pieces of both, on the device, and changes the kept ones in place.</param>
    public void Change(Tensor kept, Tensor live, Action<Tensor, Tensor> change) => Pieces(kept, live, change, back: true);

    /// <summary>Changes live weights by kept ones.</summary>
    /// <param name="change">Gets pieces of both, on the device, and changes the live ones in place.</param>
    public void Use(Tensor kept, Tensor live, Action<Tensor, Tensor> change) => Pieces(kept, live, change, back: false);

    private void Pieces(Tensor kept, Tensor live, Action<Tensor, Tensor> change, bool back)
    {
        using var noGradient = no_grad();
        for (long start = 0; start < kept.numel(); start += PieceNumbers)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(PieceNumbers, kept.numel() - start);
            var piece = kept.narrow(0, start, count);
            var there =
                !apart ? piece
                : device.type == DeviceType.CPU ? piece.clone()
                : piece.to(device, non_blocking: true);
            change(there, live.narrow(0, start, count));
            if (back && apart)
            {
                piece.copy_(there, nonBlocking: true);
            }
        }
    }
}
