using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Slowrun.Data.Inputs;

/// <summary>
/// The contents of the members of a gzip file (RFC 1952), one after the other. Behind the last one there may be zeros, and nothing else:
/// .NET's GZipStream takes whatever else follows for the end, be it the damaged beginning of another member.
/// </summary>
internal sealed class GzipMembers(Stream file) : ForwardStream
{
    // DeflateStream does not tell where its data ended within what it was given. Given single bytes it cannot have read ahead; that is
    // slow, and needed only where a member is short enough for its trailer, all zeros if it is empty, to be found at a wrong place.
    private const int SingleBytes = 256;
    private const int TrailerBytes = 8;

    private readonly CompressedBytes source = new(file);
    private readonly byte[] trailer = new byte[TrailerBytes];
    private DeflateStream? member;
    private Crc32 crc = new();
    private uint length;
    private int number;
    private bool ended;

    /// <exception cref="InvalidDataException">Damaged or cut off; where.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (!ended && !buffer.IsEmpty)
        {
            if (member is null && !Begin())
            {
                ended = true;
                break;
            }

            var read = Inflate(buffer);
            if (read > 0)
            {
                crc.Append(buffer[..read]);
                length += (uint)read;
                return read;
            }

            End();
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            member?.Dispose();
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Begin()
    {
        var at = source.BytePosition;
        if (source.IsAtEnd)
        {
            return number > 0 ? false : throw Damaged(at, "is cut off");
        }

        if (source.Peek() == 0 && number > 0)
        {
            return source.SkipZeros()
                ? false
                : throw new InvalidDataException(
                    $"Behind its {number} gzip members and some zeros it goes on at byte {source.BytePosition}, with what is no zero."
                );
        }

        if (source.Peek() != 0x1F && number > 0)
        {
            throw new InvalidDataException($"Its {number} gzip members end at byte {at}, and what follows is no gzip member.");
        }

        number++;
        var header = source.Take(10) ?? throw Damaged(at, "is cut off within its header");
        if (header is not [0x1F, 0x8B, 8, ..] || (header[3] & 0xE0) != 0)
        {
            throw Damaged(at, "has a damaged header");
        }

        SkipFields(header[3], at);
        (crc, length) = (new Crc32(), 0);
        source.GiveSingly(SingleBytes);
        member = new DeflateStream(source, CompressionMode.Decompress, leaveOpen: true);
        return true;
    }

    private void SkipFields(byte flags, long at)
    {
        const int headerSum = 2,
            extra = 4,
            name = 8,
            comment = 16;
        var isThere = true;
        if ((flags & extra) != 0)
        {
            isThere = source.Take(2) is { } size && source.Take(size[0] | (size[1] << 8)) is not null;
        }

        foreach (var text in (int[])[name, comment])
        {
            isThere = isThere && ((flags & text) == 0 || source.SkipText());
        }

        isThere = isThere && ((flags & headerSum) == 0 || source.Take(2) is not null);
        if (!isThere)
        {
            throw Damaged(at, "is cut off within its header");
        }
    }

    private int Inflate(Span<byte> buffer)
    {
        try
        {
            return member!.Read(buffer);
        }
        catch (InvalidDataException) when (source.IsAtEnd)
        {
            throw Damaged(source.BytePosition, "is cut off");
        }
        catch (InvalidDataException)
        {
            throw Damaged(source.BytePosition, "is damaged");
        }
    }

    private void End()
    {
        member!.Dispose();
        member = null;
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, crc.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(4), length);
        if (!source.GoBehind(trailer))
        {
            throw Damaged(
                source.BytePosition,
                source.IsAtEnd ? "is cut off or damaged: its checksum is not there" : "is damaged: its checksum is another"
            );
        }
    }

    private InvalidDataException Damaged(long at, string how) =>
        new($"Its gzip member {Math.Max(1, number)} {how}, at about byte {at} of the file.");
}
