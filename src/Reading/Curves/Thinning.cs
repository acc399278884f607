namespace Slowrun.Reading.Curves;

/// <summary>Leaves out points of a curve that cannot be seen.</summary>
public static class Thinning
{
    /// <summary>
    /// The lowest and the highest value of each of points/2 equal pieces, in their order. A loss that jumps for one step in 10,000 stays
    /// visible, which an average would hide. Values that are no numbers are left out.
    /// </summary>
    public static IReadOnlyList<(int Index, float Value)> LowestAndHighest(ReadOnlySpan<float> values, int from, int to, int points)
    {
        // A piece of one value is that value.
        var length = to - from;
        var pieces = length <= points ? length : Math.Max(1, points / 2);
        var kept = new List<(int, float)>(Math.Min(length, points));
        for (var piece = 0; piece < pieces; piece++)
        {
            var (begin, end) = (from + (int)((long)length * piece / pieces), from + (int)((long)length * (piece + 1) / pieces));
            var (low, high) = (-1, -1);
            for (var i = begin; i < end; i++)
            {
                if (float.IsFinite(values[i]))
                {
                    low = low < 0 || values[i] < values[low] ? i : low;
                    high = high < 0 || values[i] > values[high] ? i : high;
                }
            }

            if (low >= 0)
            {
                kept.Add((Math.Min(low, high), values[Math.Min(low, high)]));
            }

            if (low != high)
            {
                kept.Add((Math.Max(low, high), values[Math.Max(low, high)]));
            }
        }

        return kept;
    }
}
