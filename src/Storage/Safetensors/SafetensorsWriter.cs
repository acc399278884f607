using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Safetensors;

/// <summary>
/// Writes tensors as a safetensors file: 8 bytes length of the header, a JSON header, then the tensors' bytes without gaps. The same
/// tensors in the same order give the same bytes; there is no metadata.
/// </summary>
public static class SafetensorsWriter
{
    // So that the data, and with it every tensor of 8-byte elements before smaller ones, is aligned when mapped into memory.
    private const int Alignment = 8;

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The file as a stream over the tensors' own memory: seekable, nothing copied, nothing to dispose.</summary>
    /// <exception cref="ArgumentException">Two tensors of one name, or bytes that do not fit shape and type.</exception>
    public static Stream OpenRead(IReadOnlyList<TensorData> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var tensor in tensors)
        {
            Check(tensor);
        }

        return new MemoryBlocksStream([Header([.. tensors.Select(LayoutOf)]), .. tensors.Select(tensor => tensor.Bytes)]);
    }

    /// <summary>How long the file of such tensors is.</summary>
    public static long LengthBytes(IReadOnlyList<TensorLayout> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        return Header(tensors).Length + tensors.Sum(tensor => tensor.LengthBytes);
    }

    /// <summary>What stands before the tensors' bytes.</summary>
    /// <param name="forPyTorch">With the one entry of metadata without which transformers refuses a file.</param>
    internal static byte[] Header(IReadOnlyList<TensorLayout> tensors, bool forPyTorch = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write<byte>([0, 0, 0, 0, 0, 0, 0, 0]);
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.Metadata };
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            if (forPyTorch)
            {
                json.WriteStartObject(SafetensorsHeader.Metadata);
                json.WriteString("format", "pt");
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"A safetensors file cannot hold two tensors named '{tensor.Name}'.", nameof(tensors));
                }

                Write(json, tensor, offset);
                offset += tensor.LengthBytes;
            }

            json.WriteEndObject();
        }

        while (buffer.WrittenCount % Alignment != 0)
        {
            buffer.Write(" "u8);
        }

        var header = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - sizeof(long));
        return header;
    }

    private static TensorLayout LayoutOf(TensorData tensor) => new(tensor.Name, tensor.Type, tensor.Shape);

    private static void Check(TensorData tensor)
    {
        var expected = LayoutOf(tensor).LengthBytes;
        if (tensor.Bytes.Length != expected)
        {
            throw new ArgumentException(
                $"Tensor '{tensor.Name}' of {tensor.Type} [{string.Join(", ", tensor.Shape)}] has {expected} bytes, not {tensor.Bytes.Length}.",
                nameof(tensor)
            );
        }
    }

    private static void Write(Utf8JsonWriter json, TensorLayout tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Type.ToString());
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape)
        {
            json.WriteNumberValue(size);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.LengthBytes);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
