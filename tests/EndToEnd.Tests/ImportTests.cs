using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Models leave and come back: exported for transformers, imported, judged by silos that die meanwhile, exported again.</summary>
[Collection(Cli.Waiting)]
public sealed class ImportTests(CalmMicro calm)
{
    [Fact]
    public async Task Run_OfAnExportedModel_HasItsHashAndItsLossThoughSilosDie()
    {
        using var store = new TemporaryStore();
        using var folder = new TemporaryStore();
        await calm.CopyAsync(store);
        var cli = new Cli(store.Path);
        await SucceedAsync(cli, "export", "micro/chain0/stage1", "--format", "hf", "--out", Path.Combine(folder.Path, "hf"));
        await SucceedAsync(cli, "import", Path.Combine(folder.Path, "hf"), "--name", "theirs");

        foreach (var point in new[] { "take:1", "snapshot:1", "finish:1", "" })
        {
            var silo = await cli.RunAsync(
                new Dictionary<string, string> { ["SLOWRUN_CRASH_AFTER"] = point },
                "silo",
                "--slots",
                "cpu:1",
                "--exit-when-idle",
                "1s"
            );
            Assert.True(silo.ExitCode == 0 == (point.Length == 0), $"{point}: {silo.ExitCode} {silo.Error}");
        }

        var (theirs, ours) = (await StageAsync(cli, "theirs", 0), await StageAsync(cli, "micro", 1));
        Assert.Equal("Done", theirs.GetProperty("state").GetString());
        foreach (var field in new[] { "snapshotSha256", "valLossNats", "valBitsPerByte" })
        {
            Assert.Equal(ours.GetProperty(field).GetRawText(), theirs.GetProperty(field).GetRawText());
        }

        var back = Path.Combine(folder.Path, "back");
        await SucceedAsync(cli, "export", "theirs/chain0/stage0", "--format", "hf", "--out", back);
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(folder.Path, "hf", "model.safetensors"), TestContext.Current.CancellationToken),
            await File.ReadAllBytesAsync(Path.Combine(back, "model.safetensors"), TestContext.Current.CancellationToken)
        );
        await SucceedAsync(cli, "checkpoints", "verify", "theirs");
        Assert.Contains("imported weights", (await cli.RunAsync("lineage", "theirs")).Output, StringComparison.Ordinal);
        foreach (var look in new[] { "status", "explain", "events", "lineage", "goodput", "ensemble", "metrics" })
        {
            await SucceedAsync(cli, look, "theirs");
        }
    }

    private static async Task<JsonElement> StageAsync(Cli cli, string run, int stage) =>
        (await cli.JsonAsync("status", run)).GetProperty("stages")[stage];

    private static async Task SucceedAsync(Cli cli, params string[] arguments)
    {
        var result = await cli.RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.Error}{result.Output}");
    }
}
