using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slowrun.Training.Copies;

/// <summary>
/// Copies memory past the caches: what is written is not read before it (a plain copy reads each line that it writes), and what the
/// training has in the caches stays there. The C library does so only from a size on that it takes from the processor's caches: 201 MB on
/// a virtual machine that shows all of a server's.
/// </summary>
internal static unsafe class StreamingCopy
{
    private const int LineBytes = 64;
    private const int BlockBytes = 2 * LineBytes;

    /// <summary>Less than this is copied plainly: it is cheap, and may be read soon.</summary>
    public const int FromBytes = 256 << 10;

    /// <param name="to">As long as <paramref name="from"/>; they do not overlap.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        if (from.Length != to.Length)
        {
            throw new ArgumentException($"{from.Length} bytes cannot be copied to {to.Length}.", nameof(to));
        }

        if (from.Length < FromBytes || !Vector256.IsHardwareAccelerated || !Sse.IsSupported)
        {
            from.CopyTo(to);
            return;
        }

        fixed (
            byte* source = from,
                target = to
        )
        {
            var head = (int)((LineBytes - ((nuint)target % LineBytes)) % LineBytes);
            var body = (from.Length - head) / BlockBytes * BlockBytes;
            from[..head].CopyTo(to);
            Stream(source + head, target + head, body);
            from[(head + body)..].CopyTo(to[(head + body)..]);
        }

        // Such writes are in no order with others: another thread that is told of the copy has to see it.
        Sse.StoreFence();
    }

    private static void Stream(byte* source, byte* target, int bytes)
    {
        for (var end = source + bytes; source < end; source += BlockBytes, target += BlockBytes)
        {
            var (a, b) = (Vector256.Load(source), Vector256.Load(source + 32));
            var (c, d) = (Vector256.Load(source + 64), Vector256.Load(source + 96));
            a.StoreAlignedNonTemporal(target);
            b.StoreAlignedNonTemporal(target + 32);
            c.StoreAlignedNonTemporal(target + 64);
            d.StoreAlignedNonTemporal(target + 96);
        }
    }
}
