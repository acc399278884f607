using System.Buffers.Binary;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Safetensors;

/// <summary>Reads safetensors files that may be damaged or hostile: nothing is allocated that the file's own length does not
/// justify.</summary>
public static class SafetensorsReader
{
    /// <summary>The format's own limit.</summary>
    internal const int LongestHeaderBytes = 100_000_000;

    /// <summary>Reads up to the first tensor's first byte.</summary>
    /// <param name="lengthBytes">Bytes of the whole file, as its store tells.</param>
    /// <param name="what">The file's name, for errors.</param>
    /// <exception cref="InvalidDataException">Not a safetensors file, cut short, or of types that Slowrun does not know.</exception>
    public static async Task<SafetensorsHeader> ReadHeaderAsync(
        Stream file,
        long lengthBytes,
        string what,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(file);
        if (lengthBytes < sizeof(long))
        {
            throw SafetensorsHeader.Broken(what, $"it has {lengthBytes} bytes, fewer than the length of a header");
        }

        var prefix = new byte[sizeof(long)];
        await FillAsync(file, prefix, what, cancellationToken).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeaderBytes || (long)length > lengthBytes - sizeof(long))
        {
            throw SafetensorsHeader.Broken(
                what,
                $"its header would have {length} bytes, in a file of {lengthBytes} (at most {LongestHeaderBytes})"
            );
        }

        var json = new byte[length];
        await FillAsync(file, json, what, cancellationToken).ConfigureAwait(false);
        return SafetensorsHeader.Parse(json, lengthBytes - sizeof(long) - json.Length, what);
    }

    /// <summary>Reads a whole file.</summary>
    /// <param name="destination">Where a tensor's bytes go, exactly as many; null: new memory for each.</param>
    /// <returns>The tensors in file order.</returns>
    /// <exception cref="InvalidDataException">As <see cref="ReadHeaderAsync"/>.</exception>
    public static async Task<IReadOnlyList<TensorData>> ReadAsync(
        Stream file,
        long lengthBytes,
        string what,
        Func<TensorLayout, Memory<byte>>? destination = null,
        CancellationToken cancellationToken = default
    )
    {
        var header = await ReadHeaderAsync(file, lengthBytes, what, cancellationToken).ConfigureAwait(false);
        var tensors = new List<TensorData>(header.Tensors.Count);
        foreach (var layout in header.Tensors)
        {
            var bytes = destination?.Invoke(layout) ?? GC.AllocateUninitializedArray<byte>((int)layout.LengthBytes);
            if (bytes.Length != layout.LengthBytes)
            {
                throw new ArgumentException(
                    $"Tensor '{layout.Name}' needs {layout.LengthBytes} bytes, not {bytes.Length}.",
                    nameof(destination)
                );
            }

            await FillAsync(file, bytes, what, cancellationToken).ConfigureAwait(false);
            tensors.Add(new TensorData(layout.Name, layout.Type, layout.Shape, bytes));
        }

        return tensors;
    }

    private static async ValueTask FillAsync(Stream file, Memory<byte> bytes, string what, CancellationToken cancellationToken)
    {
        var read = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read < bytes.Length)
        {
            throw SafetensorsHeader.Broken(what, $"it ends {bytes.Length - read} bytes early");
        }
    }
}
