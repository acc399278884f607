using System.Globalization;
using System.Text.RegularExpressions;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Explain;

/// <summary>docs/gpu.md has a table of what each preset needs; it was wrong once, after the engine had changed.</summary>
public sealed partial class GpuPageTests
{
    [Fact]
    public async Task Table_OfPresets_IsWhatIsComputed()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "gpu.md"), TestContext.Current.CancellationToken);

        var rows = Row().Matches(page);

        Assert.Equal(
            PresetFiles.Names.Where(name => name.StartsWith("slowrun-", StringComparison.Ordinal)),
            rows.Select(row => row.Groups[1].Value).Order(StringComparer.Ordinal)
        );
        Assert.All(
            rows,
            row =>
            {
                var (preset, documented) = (row.Groups[1].Value, row.Groups.Values.Skip(2).Select(group => group.Value));
                var (exact, rounded) = (Largest(preset, MatrixPrecision.F32), Largest(preset, MatrixPrecision.BF16));
                Assert.Equal(
                    [
                        Gigabytes(exact.Device),
                        Gigabytes(rounded.Device),
                        Gigabytes(rounded.Host),
                        Gigabytes(rounded.CheckpointCopy),
                        Rows(preset),
                    ],
                    documented
                );
            }
        );
    }

    private static StageMemory Largest(string preset, MatrixPrecision products)
    {
        var recipe = SpecReader.FromPreset(preset, new SpecOverrides { Set = [$"model.products={products}"] }).Recipe;
        return new RunPlan(recipe)
            .Stages.DistinctBy(stage => (stage.Stage, stage.Teacher is null))
            .Select(stage => StageMemory.Of(stage, new StageSteps(stage, recipe.Data.TrainTokens)))
            .MaxBy(memory => memory.Device)!;
    }

    private static string Rows(string preset) =>
        SpecReader.FromPreset(preset).Recipe.Stage.DeviceRows.ToString(CultureInfo.InvariantCulture);

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Slowrun.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }

    [GeneratedRegex(@"^\| `(slowrun-[\w-]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
