using System.Runtime.InteropServices;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Safetensors;

/// <summary>Copies a safetensors file with its float32 tensors in bfloat16: half the size, same names, shapes and order.</summary>
public static class Bfloat16Copy
{
    private const int BlockBytes = 1 << 20;

    /// <param name="file">Read to its end, a piece at a time.</param>
    /// <param name="lengthBytes">Of the whole file.</param>
    /// <param name="what">Its name, for errors.</param>
    /// <exception cref="InvalidDataException">Not a safetensors file, or cut short.</exception>
    public static async Task WriteAsync(
        Stream file,
        long lengthBytes,
        string what,
        Stream into,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(into);
        var header = await SafetensorsReader.ReadHeaderAsync(file, lengthBytes, what, cancellationToken).ConfigureAwait(false);
        TensorLayout[] layouts =
        [
            .. header.Tensors.Select(tensor => tensor.Type == ElementType.F32 ? tensor with { Type = ElementType.BF16 } : tensor),
        ];
        await into.WriteAsync(SafetensorsWriter.Header(layouts), cancellationToken).ConfigureAwait(false);
        var block = new byte[BlockBytes];
        foreach (var tensor in header.Tensors)
        {
            for (var left = tensor.LengthBytes; left > 0; )
            {
                var piece = block.AsMemory(0, (int)Math.Min(left, block.Length));
                var read = await file.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, cancellationToken)
                    .ConfigureAwait(false);
                if (read < piece.Length)
                {
                    throw SafetensorsHeader.Broken(what, $"it ends {left - read} bytes early");
                }

                left -= read;
                await into.WriteAsync(tensor.Type == ElementType.F32 ? piece[..Rounded(piece.Span)] : piece, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
    }

    /// <summary>In place: each number's first half becomes the result's next.</summary>
    /// <returns>Bytes of the result.</returns>
    private static int Rounded(Span<byte> block)
    {
        var numbers = MemoryMarshal.Cast<byte, float>(block);
        Bfloat16.Round(numbers, MemoryMarshal.Cast<byte, ushort>(block));
        return 2 * numbers.Length;
    }
}
