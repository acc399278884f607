using System.Buffers.Binary;
using System.Numerics;

namespace Slowrun.Storage.Gcs;

/// <summary>The checksum that Google Cloud Storage keeps of every object (Castagnoli's polynomial, RFC 3720).</summary>
internal sealed class Crc32C
{
    private uint state = uint.MaxValue;

    /// <summary>In the form of an object's <c>crc32c</c>: base64 of its four bytes, the highest first.</summary>
    public string Value
    {
        get
        {
            Span<byte> bytes = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, ~state);
            return Convert.ToBase64String(bytes);
        }
    }

    public static string Of(ReadOnlySpan<byte> content)
    {
        var sum = new Crc32C();
        sum.Append(content);
        return sum.Value;
    }

    public void Append(ReadOnlySpan<byte> content)
    {
        for (; content.Length >= sizeof(ulong); content = content[sizeof(ulong)..])
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(content));
        }

        foreach (var one in content)
        {
            state = BitOperations.Crc32C(state, one);
        }
    }
}
