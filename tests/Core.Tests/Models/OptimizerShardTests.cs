using Slowrun.Core.Models;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Models;

/// <summary>How devices divide the optimizer: all of it, once, evenly, and by shapes alone.</summary>
public sealed class OptimizerShardTests
{
    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Of_EveryPreset_DividesAllOfItOnce(string preset)
    {
        var (groups, layout) = Preset(preset);
        foreach (var devices in (int[])[1, 2, 3, 4, 8, 100])
        {
            AssertDivided(groups, layout, OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout), devices), devices);
        }
    }

    /// <summary>Large models, on the devices of one machine: the busiest of N has at most 1.1 N-ths of the work.</summary>
    [Theory]
    [InlineData("slowrun-10x")]
    [InlineData("slowrun-1h")]
    [InlineData("slowrun-snapshots")]
    [InlineData("slowrun-15m")]
    public void Work_OfTheBusiestDevice_FallsWithTheirNumber(string preset)
    {
        var (groups, layout) = Preset(preset);
        var units = UpdateUnits.Of(groups, layout);
        var all = OptimizerShard.Of(groups, units, 1)[0];
        foreach (var devices in (int[])[2, 4, 8])
        {
            var shards = OptimizerShard.Of(groups, units, devices);

            Assert.InRange((double)shards.Max(shard => shard.Work) * devices / all.Work, 1, 1.1);
            // A table has two moments a number and little work: it weighs more here.
            Assert.InRange((double)shards.Max(shard => shard.MomentNumbers) * devices / all.MomentNumbers, 1, 2.4);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Of_UnevenShapes_DividesAllOfThemOnce(int seed)
    {
        var random = new Random(seed);
        var groups = Uneven(random);
        var specs = groups.SelectMany(group => group.Parameters).ToArray();
        var layout = ParameterGroups.Layout(specs, groups);
        var units = UpdateUnits.Of(groups, layout, stackNumbers: random.Next(1, 5000));
        var devices = random.Next(1, 12);

        AssertDivided(groups, layout, OptimizerShard.Of(groups, units, devices), devices);
        // Every caller computes the same result.
        Assert.Equal(
            OptimizerShard.Of(groups, units, devices).Select(shard => string.Join(' ', shard.Units)),
            OptimizerShard.Of(groups, [.. units.Reverse()], devices).Select(shard => string.Join(' ', shard.Units))
        );
    }

    /// <summary>A vector of the whole group begins wherever it is divided: element-wise operations round the rest otherwise.</summary>
    [Fact]
    public void Units_OfAnAdamWGroup_BeginAtWholeVectors()
    {
        ParameterGroup[] groups = [Group(OptimizerKind.AdamW, [64], [3], [61], [128], [1], [2])];
        var layout = ParameterGroups.Layout(groups[0].Parameters, groups);

        Assert.Equal(
            [new FlatRange(0, 64), new FlatRange(64, 64), new FlatRange(128, 128), new FlatRange(256, 3)],
            UpdateUnits.Of(groups, layout).Select(unit => unit.Range)
        );
        Assert.Equal([new FlatRange(0, 259)], OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout), 1)[0].Units.Select(u => u.Range));
    }

    [Fact]
    public void Units_OfAStack_AreCutByItsShapeAlone()
    {
        ParameterGroup[] groups = [Group(OptimizerKind.Muon, [.. Enumerable.Repeat(new long[] { 30, 10 }, 5)])];
        var layout = ParameterGroups.Layout(groups[0].Parameters, groups);

        var units = UpdateUnits.Of(groups, layout, stackNumbers: 650);

        Assert.Equal([new(0, 600), new(600, 600), new FlatRange(1200, 300)], units.Select(unit => unit.Range));
        Assert.Equal([new(0, 60), new(60, 60), new FlatRange(120, 30)], units.Select(unit => unit.Second));
        Assert.Equal(5, UpdateUnits.Of(groups, layout, stackNumbers: 1).Count);
        // Five iterations: two products with the matrix, one of the Gram matrix with itself.
        Assert.Equal((5 * ((2 * 30 * 10 * 10) + 1000)) + (300 * 4096), UpdateUnits.Of(groups, layout, stackNumbers: 1)[0].Work);
    }

    [Fact]
    public void Of_MoreDevicesThanUnits_LeavesSomeWithoutWork()
    {
        ParameterGroup[] groups = [Group(OptimizerKind.AdamW, [100]), Group(OptimizerKind.Muon, [4, 4], [4, 4])];
        var layout = ParameterGroups.Layout([.. groups.SelectMany(group => group.Parameters)], groups);

        var shards = OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout), 4);

        Assert.Equal(2, shards.Count(shard => shard.Work == 0 && shard.MomentNumbers == 0 && shard.Cover.Length == 0));
        AssertDivided(groups, layout, shards, 4);
    }

    [Fact]
    public void Units_OfAMuonGroupBeforeAnAdamWGroup_AreRefused()
    {
        ParameterGroup[] groups = [Group(OptimizerKind.Muon, [4, 4]), Group(OptimizerKind.AdamW, [100])];
        var layout = ParameterGroups.Layout([.. groups.SelectMany(group => group.Parameters)], groups);

        Assert.Throws<ArgumentException>(() => UpdateUnits.Of(groups, layout));
    }

    private static void AssertDivided(
        IReadOnlyList<ParameterGroup> groups,
        ParameterLayout layout,
        IReadOnlyList<OptimizerShard> shards,
        int devices
    )
    {
        var muonStart = groups
            .Zip(layout.Groups)
            .Where(group => group.First.Kind == OptimizerKind.Muon)
            .Select(group => group.Second.Start)
            .DefaultIfEmpty(layout.Length)
            .First();
        var second = groups
            .Where(group => group.Kind == OptimizerKind.Muon)
            .Sum(group => group.Parameters.Sum(matrix => matrix.Shape.Max()));
        Assert.Equal(devices, shards.Count);
        AssertOnce(shards.Select(shard => shard.Cover), new FlatRange(0, layout.Length));
        AssertOnce(shards.Select(shard => shard.AdamW), new FlatRange(0, muonStart));
        AssertOnce(shards.Select(shard => shard.Muon), new FlatRange(muonStart, layout.Length - muonStart));
        AssertOnce(shards.Select(shard => shard.Second), new FlatRange(0, second));
        // Each parameter is updated once, as a whole.
        var updated = shards.SelectMany(shard => shard.Units).Select(unit => unit.Range).ToList();
        Assert.All(
            layout.Parameters,
            place => Assert.Single(updated, range => range.Start <= place.Offset && place.Offset + place.Spec.Count <= range.End)
        );
        Assert.Equal(layout.Parameters.Sum(place => place.Spec.Count), updated.Sum(range => range.Length));
    }

    /// <summary>Disjoint, and together all.</summary>
    private static void AssertOnce(IEnumerable<FlatSelection> parts, FlatRange all)
    {
        var at = all.Start;
        foreach (var range in parts.SelectMany(part => part.Ranges).OrderBy(range => range.Start))
        {
            Assert.Equal(at, range.Start);
            at = range.End;
        }

        Assert.Equal(all.End, at);
    }

    private static List<ParameterGroup> Uneven(Random random)
    {
        var groups = new List<ParameterGroup>();
        for (var i = random.Next(4); i > 0; i--)
        {
            groups.Add(
                Group(OptimizerKind.AdamW, [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => new long[] { random.Next(1, 200) })])
            );
        }

        for (var i = random.Next(1, 4); i > 0; i--)
        {
            long[] shape = [random.Next(1, 40), random.Next(1, 40)];
            groups.Add(Group(OptimizerKind.Muon, [.. Enumerable.Repeat(shape, random.Next(1, 9))]));
        }

        return groups;
    }

    private static int named;

    private static ParameterGroup Group(OptimizerKind kind, params long[][] shapes) =>
        new()
        {
            Kind = kind,
            Parameters =
            [
                .. shapes.Select(shape => new ParameterSpec($"p{Interlocked.Increment(ref named)}", shape, ParameterRole.Embedding)),
            ],
            LearningRate = 1,
            WeightDecay = 0,
        };

    private static (IReadOnlyList<ParameterGroup> Groups, ParameterLayout Layout) Preset(string preset)
    {
        var recipe = SpecReader.FromPreset(preset).Recipe;
        var table = ParameterTable.Of(recipe.Model);
        var groups = ParameterGroups.Of(table, recipe.Stage.Optimizer);
        return (groups, ParameterGroups.Layout(table, groups));
    }
}
