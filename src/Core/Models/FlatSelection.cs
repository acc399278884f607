namespace Slowrun.Core.Models;

/// <summary>Some ranges of a flat buffer, kept one behind the other in a buffer of their own, in their order and without what lies between
/// them. All of a buffer is itself.</summary>
public sealed class FlatSelection
{
    private readonly long[] starts;
    private readonly long[] places;

    /// <param name="ranges">In any order; those that touch or overlap become one.</param>
    public FlatSelection(IEnumerable<FlatRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var merged = new List<FlatRange>();
        foreach (var range in ranges.Where(range => range.Length > 0).OrderBy(range => range.Start))
        {
            if (merged.Count > 0 && range.Start <= merged[^1].End)
            {
                var last = merged[^1];
                merged[^1] = last with { Length = Math.Max(last.End, range.End) - last.Start };
            }
            else
            {
                merged.Add(range);
            }
        }

        Ranges = merged;
        starts = [.. merged.Select(range => range.Start)];
        places = new long[merged.Count];
        foreach (var (i, range) in merged.Index())
        {
            places[i] = Length;
            Length += range.Length;
        }
    }

    /// <summary>Disjoint, in order.</summary>
    public IReadOnlyList<FlatRange> Ranges { get; }

    /// <summary>Numbers in all of them.</summary>
    public long Length { get; }

    public bool Contains(long number) => IndexOf(number) >= 0;

    /// <summary>Where a number of the whole buffer lies among those selected.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is in none of the ranges.</exception>
    public long PlaceOf(long number) =>
        IndexOf(number) is >= 0 and var i
            ? places[i] + number - starts[i]
            : throw new ArgumentOutOfRangeException(nameof(number), number, "The number is in none of the selected ranges.");

    /// <summary>The ranges, each begun and ended at whole blocks of the buffer.</summary>
    /// <param name="block">Numbers of a block.</param>
    /// <param name="length">Of the whole buffer: none ends behind it.</param>
    public FlatSelection Widened(long block, long length) =>
        new(
            Ranges.Select(range =>
            {
                var start = range.Start / block * block;
                return new FlatRange(start, Math.Min((range.End + block - 1) / block * block, length) - start);
            })
        );

    /// <summary>What both select.</summary>
    public IEnumerable<FlatRange> Common(FlatSelection other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return from one in Ranges
            from two in other.Ranges
            let start = Math.Max(one.Start, two.Start)
            let end = Math.Min(one.End, two.End)
            where start < end
            select new FlatRange(start, end - start);
    }

    private int IndexOf(long number)
    {
        var found = Array.BinarySearch(starts, number);
        var i = found >= 0 ? found : ~found - 1;
        return i >= 0 && number < Ranges[i].End ? i : -1;
    }
}
