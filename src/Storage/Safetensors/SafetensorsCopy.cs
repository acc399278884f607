using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Safetensors;

/// <summary>
/// Copies a safetensors file: with its float32 tensors in bfloat16, which is half the size, or one model of several alone. Shapes and order
/// stay.
/// </summary>
public static class SafetensorsCopy
{
    private const int BlockBytes = 1 << 20;

    /// <param name="file">Read to its end, a piece at a time.</param>
    /// <param name="lengthBytes">Of the whole file.</param>
    /// <param name="what">Its name, for errors.</param>
    /// <param name="type">BF16: float32 tensors are rounded; F32: they stay.</param>
    /// <param name="model">
    /// Copies the tensors of this prefix alone, under their names without it, for programs that read a model of PyTorch's; empty: those
    /// without prefix. Null: all, as they are.
    /// </param>
    /// <exception cref="InvalidDataException">Not a safetensors file, cut short, or without the model.</exception>
    public static async Task WriteAsync(
        Stream file,
        long lengthBytes,
        string what,
        Stream into,
        ElementType type,
        string? model = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(into);
        var header = await SafetensorsReader.ReadHeaderAsync(file, lengthBytes, what, cancellationToken).ConfigureAwait(false);
        var kept = header.Tensors.Select(tensor => model is null || IsOf(tensor.Name, model)).ToList();
        if (model is not null && !kept.Contains(true))
        {
            throw new InvalidDataException($"'{what}' has no tensor named '{model}…', so there is no such model in it.");
        }

        bool Rounds(TensorLayout tensor) => type == ElementType.BF16 && tensor.Type == ElementType.F32;
        TensorLayout[] layouts =
        [
            .. header
                .Tensors.Where((_, index) => kept[index])
                .Select(tensor =>
                    tensor with
                    {
                        Name = tensor.Name[(model?.Length ?? 0)..],
                        Type = Rounds(tensor) ? ElementType.BF16 : tensor.Type,
                    }
                ),
        ];
        await into.WriteAsync(SafetensorsWriter.Header(layouts, forPyTorch: model is not null), cancellationToken).ConfigureAwait(false);
        var block = new byte[BlockBytes];
        foreach (var (index, tensor) in header.Tensors.Index())
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
                if (kept[index])
                {
                    await into.WriteAsync(Rounds(tensor) ? piece[..Rounded(piece.Span)] : piece, cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Prefixes of the models in a snapshot, by its tensors' names; the empty one is the last model's.</summary>
    public static IReadOnlyList<string> ModelsOf(SafetensorsHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        return [.. header.Tensors.Select(tensor => SnapshotModels.PrefixOf(tensor.Name)).Distinct().Order(StringComparer.Ordinal)];
    }

    private static bool IsOf(string name, string model) =>
        name.StartsWith(model, StringComparison.Ordinal) && !name.AsSpan(model.Length).Contains('/');

    /// <summary>In place: each number's first half becomes the result's next.</summary>
    /// <returns>Bytes of the result.</returns>
    private static int Rounded(Span<byte> block)
    {
        var numbers = MemoryMarshal.Cast<byte, float>(block);
        Bfloat16.Round(numbers, MemoryMarshal.Cast<byte, ushort>(block));
        return 2 * numbers.Length;
    }
}
