namespace Slowrun.Core.Models;

/// <summary>The part of a model that one device updates, and whose moments it holds.</summary>
public sealed class OptimizerShard
{
    private OptimizerShard(IReadOnlyList<ParameterGroup> groups, IReadOnlyList<UpdateUnit> units)
    {
        Units = [.. Joined(groups, units)];
        Work = units.Sum(unit => unit.Work);
        Cover = new FlatSelection(units.Select(unit => unit.Cover));
        AdamW = new FlatSelection(Of(OptimizerKind.AdamW).Select(unit => unit.Cover));
        Muon = new FlatSelection(Of(OptimizerKind.Muon).Select(unit => unit.Cover));
        Second = new FlatSelection(units.Select(unit => unit.Second));

        IEnumerable<UpdateUnit> Of(OptimizerKind kind) => units.Where(unit => groups[unit.Group].Kind == kind);
    }

    /// <summary>In the layout's order.</summary>
    public IReadOnlyList<UpdateUnit> Units { get; }

    /// <summary>Of all its units.</summary>
    public long Work { get; }

    /// <summary>Its part of the layout; all shards' together are the layout.</summary>
    public FlatSelection Cover { get; }

    /// <summary>Its part of the layout that has AdamW's two moments.</summary>
    public FlatSelection AdamW { get; }

    /// <summary>Its part of the layout that has Muon's momentum.</summary>
    public FlatSelection Muon { get; }

    /// <summary>Its part of the running mean squares of all Muon groups.</summary>
    public FlatSelection Second { get; }

    /// <summary>Float32 numbers of its moments.</summary>
    public long MomentNumbers => (2 * AdamW.Length) + Muon.Length + Second.Length;

    /// <summary>
    /// Divides the updates of a model among devices, by work: the largest unit first, each to the device that has least so far, the first
    /// of equals. A function of shapes and the number of devices: every process computes the same.
    /// </summary>
    /// <param name="units">Of <see cref="UpdateUnits"/>, for the same groups.</param>
    /// <param name="devices">From 1; those without any unit have an empty shard.</param>
    /// <returns>One for each device.</returns>
    public static IReadOnlyList<OptimizerShard> Of(IReadOnlyList<ParameterGroup> groups, IReadOnlyList<UpdateUnit> units, int devices)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(units);
        ArgumentOutOfRangeException.ThrowIfLessThan(devices, 1);
        var (mine, work) = (Enumerable.Range(0, devices).Select(_ => new List<UpdateUnit>()).ToArray(), new long[devices]);
        foreach (var unit in units.OrderByDescending(unit => unit.Work).ThenBy(unit => unit.Range.Start))
        {
            var least = Array.IndexOf(work, work.Min());
            mine[least].Add(unit);
            work[least] += unit.Work;
        }

        return [.. mine.Select(shard => new OptimizerShard(groups, [.. shard.OrderBy(unit => unit.Range.Start)]))];
    }

    /// <summary>Neighbours of one AdamW group are one operation: a stage on one device has as many as groups.</summary>
    private static List<UpdateUnit> Joined(IReadOnlyList<ParameterGroup> groups, IReadOnlyList<UpdateUnit> units)
    {
        var joined = new List<UpdateUnit>();
        foreach (var unit in units)
        {
            if (
                joined.LastOrDefault() is { } last
                && last.Group == unit.Group
                && last.Range.End == unit.Range.Start
                && groups[unit.Group].Kind == OptimizerKind.AdamW
            )
            {
                joined[^1] = last with
                {
                    Range = new FlatRange(last.Range.Start, unit.Range.End - last.Range.Start),
                    Cover = new FlatRange(last.Cover.Start, unit.Cover.End - last.Cover.Start),
                    Work = last.Work + unit.Work,
                };
            }
            else
            {
                joined.Add(unit);
            }
        }

        return joined;
    }
}
