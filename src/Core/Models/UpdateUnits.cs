namespace Slowrun.Core.Models;

/// <summary>
/// Cuts the optimizer's groups into <see cref="UpdateUnit"/>s: a function of shapes alone, so that an update has the same operations on the
/// same numbers however many devices divide the units among them.
/// </summary>
public static class UpdateUnits
{
    /// <summary>Numbers of a stack of matrices that is updated at once, and with them its temporaries. A library may choose another product
    /// for another number of matrices, so that the cut must never follow the number of devices.</summary>
    public const long StackNumbers = 1L << 24;

    // Element-wise operations go by vectors from the beginning of what they are given, and may round the rest otherwise: a group is
    // divided only where a vector of the whole group would begin, too. 64 numbers are more than the widest two.
    private const long VectorNumbers = 64;

    // A number that is updated costs as much as so many multiply-adds: AdamW moves 28 bytes, in which time a GPU of 495 T bfloat16
    // multiply-adds and 3.35 TB a second does 4,100.
    private const long PerNumber = 4096;

    // Of the orthogonalization.
    private const long Iterations = 5;

    /// <param name="layout">Of the same groups, AdamW's first.</param>
    /// <param name="stackNumbers">For tests: another cut of stacks.</param>
    /// <returns>In the layout's order.</returns>
    public static IReadOnlyList<UpdateUnit> Of(
        IReadOnlyList<ParameterGroup> groups,
        ParameterLayout layout,
        long stackNumbers = StackNumbers
    )
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(layout);
        if (groups.SkipWhile(group => group.Kind == OptimizerKind.AdamW).Any(group => group.Kind == OptimizerKind.AdamW))
        {
            throw new ArgumentException("An AdamW group comes after a Muon group; AdamW groups must come first.", nameof(groups));
        }

        var units = new List<UpdateUnit>();
        long second = 0;
        foreach (var (number, group) in groups.Index())
        {
            var start = layout.Groups[number].Start;
            if (group.Kind == OptimizerKind.AdamW)
            {
                units.AddRange(AdamW(group, number, start));
            }
            else
            {
                units.AddRange(Muon(group, number, start, ref second, stackNumbers));
            }
        }

        // The gap behind each, and before the first.
        return
        [
            .. units.Select(
                (unit, i) =>
                {
                    var from = i == 0 ? 0 : unit.Range.Start;
                    var end = i + 1 < units.Count ? units[i + 1].Range.Start : layout.Length;
                    return unit with { Cover = new FlatRange(from, end - from) };
                }
            ),
        ];
    }

    /// <summary>Float32 numbers of an update's temporaries, at most: about six of a stack of matrices, one of a table.</summary>
    public static long Temporaries(IReadOnlyList<ParameterGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        return groups.Select(group => group.Kind == OptimizerKind.Muon ? 6 * LargestStack(group) : Numbers(group)).DefaultIfEmpty().Max();
    }

    /// <summary>Numbers of a Muon group's matrices that are updated at once.</summary>
    public static long LargestStack(ParameterGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return Math.Min(Numbers(group), AtOnce(group, StackNumbers) * group.Parameters[0].Count);
    }

    private static long Numbers(ParameterGroup group) => group.Parameters.Sum(parameter => parameter.Count);

    /// <summary>Matrices.</summary>
    private static long AtOnce(ParameterGroup group, long stackNumbers) => Math.Max(1, stackNumbers / group.Parameters[0].Count);

    /// <summary>Whole parameters: the norm of each is one device's.</summary>
    private static IEnumerable<UpdateUnit> AdamW(ParameterGroup group, int number, long groupStart)
    {
        var (start, end) = (groupStart, groupStart);
        foreach (var (i, parameter) in group.Parameters.Index())
        {
            end += parameter.Count;
            if ((end - groupStart) % VectorNumbers == 0 || i + 1 == group.Parameters.Count)
            {
                var range = new FlatRange(start, end - start);
                yield return new UpdateUnit(number, range, range, default, range.Length * PerNumber);
                start = end;
            }
        }
    }

    private static List<UpdateUnit> Muon(ParameterGroup group, int number, long groupStart, ref long second, long stackNumbers)
    {
        var (rows, columns) = (group.Parameters[0].Shape[0], group.Parameters[0].Shape[1]);
        var (least, most) = (Math.Min(rows, columns), Math.Max(rows, columns));
        // The Gram matrix, its square, and what it is multiplied with.
        var work = (Iterations * ((2 * rows * columns * least) + (least * least * least))) + (rows * columns * PerNumber);
        var atOnce = AtOnce(group, stackNumbers);
        var units = new List<UpdateUnit>();
        for (long first = 0; first < group.Parameters.Count; first += atOnce)
        {
            var count = Math.Min(atOnce, group.Parameters.Count - first);
            var range = new FlatRange(groupStart + (first * rows * columns), count * rows * columns);
            units.Add(new UpdateUnit(number, range, range, new FlatRange(second, count * most), count * work));
            second += count * most;
        }

        return units;
    }
}
