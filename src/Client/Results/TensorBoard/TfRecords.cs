using System.Buffers.Binary;
using System.Numerics;

namespace Slowrun.Client.Results.TensorBoard;

/// <summary>
/// TensorFlow's record files: for each record its length (8 bytes), a checksum of that, the bytes, and a checksum of those
/// (tensorflow.org/tutorials/load_data/tfrecord). All little endian.
/// </summary>
internal static class TfRecords
{
    // A record of ours has some dozen bytes: a length beyond this is no length.
    private const int MostBytes = 1 << 20;

    private const int HeadBytes = sizeof(ulong) + sizeof(uint);

    public static void Write(Stream file, ReadOnlySpan<byte> record)
    {
        var bytes = new byte[HeadBytes + record.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(sizeof(ulong)), Checksum(bytes.AsSpan(0, sizeof(ulong))));
        record.CopyTo(bytes.AsSpan(HeadBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(HeadBytes + record.Length), Checksum(record));
        file.Write(bytes);
    }

    /// <summary>Reads the next record.</summary>
    /// <returns>Null where no whole record follows: at the end, or where a writer died over one.</returns>
    public static byte[]? TryRead(Stream file)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        if (
            file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length
            || BinaryPrimitives.ReadUInt64LittleEndian(head) is var length && length > MostBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(head[sizeof(ulong)..]) != Checksum(head[..sizeof(ulong)])
        )
        {
            return null;
        }

        var rest = new byte[(int)length + sizeof(uint)];
        return
            file.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) == rest.Length
            && BinaryPrimitives.ReadUInt32LittleEndian(rest.AsSpan((int)length)) == Checksum(rest.AsSpan(0, (int)length))
            ? rest[..(int)length]
            : null;
    }

    /// <summary>CRC-32C, masked: a checksum of what holds checksums would be a weak one.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }
}
