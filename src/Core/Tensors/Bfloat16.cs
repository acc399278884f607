using System.Numerics;
using System.Runtime.InteropServices;

namespace Slowrun.Core.Tensors;

/// <summary>Rounds float32 to bfloat16: to the nearest, of two equally near to the one whose last bit is 0, as libtorch does.</summary>
public static class Bfloat16
{
    /// <returns>The upper half of a float32's bits.</returns>
    public static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            // Rounding could carry a NaN into infinity; a quiet one stays one.
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <param name="into">As long as <paramref name="values"/>; may be the first half of their own memory.</param>
    public static void Round(ReadOnlySpan<float> values, Span<ushort> into)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var done = 0;
        for (; done + (2 * Vector<uint>.Count) <= bits.Length; done += 2 * Vector<uint>.Count)
        {
            var (lower, upper) = (new Vector<uint>(bits[done..]), new Vector<uint>(bits[(done + Vector<uint>.Count)..]));
            Vector.Narrow(Rounded(lower), Rounded(upper)).CopyTo(into[done..]);
        }

        for (; done < values.Length; done++)
        {
            into[done] = Round(values[done]);
        }
    }

    private static Vector<uint> Rounded(Vector<uint> bits)
    {
        var rounded = (bits + new Vector<uint>(0x7FFF) + ((bits >>> 16) & Vector<uint>.One)) >>> 16;
        var isNaN = Vector.GreaterThan(bits & new Vector<uint>(0x7FFFFFFF), new Vector<uint>(0x7F800000));
        return Vector.ConditionalSelect(isNaN, (bits >>> 16) | new Vector<uint>(0x40), rounded);
    }
}
