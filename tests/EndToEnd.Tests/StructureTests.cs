using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Upstream's two systems in small: what they are made of trains to the end through silo and client, and no kill changes a
/// byte.</summary>
[Collection(Cli.Training)]
public sealed class StructureTests
{
    [Theory]
    [InlineData("ten-x", 2, "commit:20")]
    [InlineData("snapshots", 6, "commit:8")]
    public async Task Run_OfUpstreamsStructure_WhenItsSilosDieAgainAndAgain_EndsWithTheSameBytes(string spec, int members, string crash)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Specs", $"{spec}.yaml");
        using var calmStore = new TemporaryStore();
        var calm = await FinishAsync(new Cli(calmStore.Path), spec, path, []);
        using var store = new TemporaryStore();
        var killed = await FinishAsync(new Cli(store.Path), spec, path, new() { ["SLOWRUN_CRASH_AFTER"] = crash });

        Assert.Equal(await Weights.ExportAsync(new Cli(calmStore.Path), spec), await Weights.ExportAsync(new Cli(store.Path), spec));
        Assert.InRange(killed.GetProperty("stages").EnumerateArray().Sum(stage => stage.GetProperty("preemptions").GetInt32()), 3, 1000);
        Assert.Equal(calm.GetProperty("ensemble").GetRawText(), killed.GetProperty("ensemble").GetRawText());
        Assert.InRange(calm.GetProperty("ensemble").GetProperty("members").GetInt32(), 1, members);
    }

    private static async Task<JsonElement> FinishAsync(Cli cli, string name, string path, Dictionary<string, string> environment)
    {
        var result = await cli.RunAsync(environment, "run", path, "--name", name);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        return await cli.JsonAsync("status", name);
    }
}
