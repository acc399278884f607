using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Bench;

/// <summary>
/// Counts how several devices divide a preset's optimizer: work and moments of the busiest, and what goes between devices in a step.
/// Nothing is timed.
/// </summary>
internal static class ShardBench
{
    public static int Run(IReadOnlyList<string> presets)
    {
        Console.WriteLine(
            $"{"preset", -18} {"devices", 7} {"updates", 8} {"work, T", 8} {"share", 7} {"x N", 6} {"moments", 9} "
                + $"{"each, GB", 9} {"sums, GB", 9} {"gather", 7}"
        );
        foreach (var preset in presets.Count > 0 ? presets : ["slowrun-10x", "slowrun-snapshots", "slowrun-1h", "slowrun-15m"])
        {
            foreach (var devices in (int[])[1, 2, 4, 8])
            {
                Tell(preset, SpecReader.FromPreset(preset).Recipe, devices);
            }
        }

        return 0;
    }

    private static void Tell(string preset, Recipe recipe, int devices)
    {
        var table = ParameterTable.Of(recipe.Model);
        var groups = ParameterGroups.Of(table, recipe.Stage.Optimizer);
        var layout = ParameterGroups.Layout(table, groups);
        var shards = OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout), devices);
        var (whole, busiest) = (shards.Sum(shard => shard.Work), shards.Max(shard => shard.Work));
        var memory = new RunPlan(recipe)
            .Stages.Take(12)
            .Select(stage => StageMemory.Of(stage, new StageSteps(stage, recipe.Data.TrainTokens)))
            .MaxBy(one => one.Device)!;
        // A lane is sent to every device but its own, but for its own part there; weights likewise.
        var sums = (double)recipe.Stage.Lanes * layout.Length * sizeof(float) * (devices - 1) / devices;
        var gather = (double)(devices - 1) * layout.Length * sizeof(float);
        Console.WriteLine(
            $"{preset, -18} {devices, 7} {shards.Max(shard => shard.Units.Count), 8} {busiest / 1e12, 8:F3} "
                + $"{(double)busiest / whole, 7:P1} {(double)busiest * devices / whole, 6:F2} "
                + $"{shards.Max(shard => shard.MomentNumbers) * 4 / 1e9, 9:F2} {memory.EachOf(devices) / 1e9, 9:F1} "
                + $"{sums / 1e9, 9:F1} {gather / 1e9, 7:F1}"
        );
    }
}
