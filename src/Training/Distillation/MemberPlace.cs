using System.Runtime.InteropServices;
using Slowrun.Core.Tensors;
using static TorchSharp.torch;

namespace Slowrun.Training.Distillation;

/// <summary>Where a parameter of a copied model goes.</summary>
/// <param name="Room">Contiguous; float32 or bfloat16. Of a table with padding, the rows that are read.</param>
internal sealed record MemberPlace(string Name, Tensor Room)
{
    public long LengthBytes => Room.numel() * Room.element_size();

    /// <summary>Writes the parameter as it will lie there.</summary>
    /// <param name="weight">Float32.</param>
    /// <param name="into">Of <see cref="LengthBytes"/>.</param>
    public void Write(TensorData weight, Span<byte> into)
    {
        var values = MemoryMarshal.Cast<byte, float>(weight.Bytes.Span)[..checked((int)Room.numel())];
        if (Room.dtype == ScalarType.BFloat16)
        {
            Bfloat16.Round(values, MemoryMarshal.Cast<byte, ushort>(into));
        }
        else
        {
            MemoryMarshal.AsBytes(values).CopyTo(into);
        }
    }
}
