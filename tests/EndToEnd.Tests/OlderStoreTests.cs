using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>
/// A store that version 0.1.0 wrote (docs/compatibility.md): one run ended, another one stopped between its two stages, paused, with
/// operations changed. This version reads both and finishes the second.
/// </summary>
[Collection(Cli.Waiting)]
public sealed class OlderStoreTests
{
    // Of the machine that wrote the store; another kind of processor gives other bytes.
    private const string Fingerprint = "afcff2cece77264acf229b6d4299e4e438ceb9f0465ee2d4aec0546cab6ca3a8";

    [Fact]
    public async Task Store_OfAnOlderVersion_IsReadAndItsRunIsFinished()
    {
        using var store = new TemporaryStore();
        await using (
            var archive = new GZipStream(
                File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Stores", "0.1.0.tar.gz")),
                CompressionMode.Decompress
            )
        )
        {
            await TarFile.ExtractToDirectoryAsync(archive, store.Path, overwriteFiles: true, TestContext.Current.CancellationToken);
        }

        var cli = new Cli(store.Path);
        var done = await cli.JsonAsync("status", "done");
        Assert.Equal("Succeeded", done.GetProperty("state").GetString());
        Assert.Equal(5.235253646728325, done.GetProperty("ensemble").GetProperty("lossNats").GetDouble());
        Assert.Equal("Paused", (await cli.JsonAsync("status", "begun")).GetProperty("state").GetString());

        Assert.Equal(0, (await cli.RunAsync("resume", "begun")).ExitCode);
        var silo = await cli.RunAsync("silo", "--slots", "cpu:1", "--exit-when-idle", "3s");
        Assert.True(silo.ExitCode == 0, silo.Error + silo.Output);

        var finished = await cli.JsonAsync("status", "begun");
        Assert.Equal("Succeeded", finished.GetProperty("state").GetString());
        Assert.Equal(3, (await cli.JsonAsync("spec", "show", "begun")).GetProperty("operations").GetProperty("keepCheckpoints").GetInt32());
        var verified = await cli.RunAsync("checkpoints", "verify", "begun");
        Assert.True(verified.ExitCode == 0, verified.Error + verified.Output);
        var root = File.ReadAllText(Path.Combine(store.Path, "runs", "begun", "chain0", "stage1", "root"));
        Assert.Equal(Recipe(File.ReadAllText(Path.Combine(store.Path, "runs", "begun", "chain0", "stage0", "root"))), Recipe(root));
        if (root.Contains(Fingerprint, StringComparison.Ordinal))
        {
            Assert.Equal(Snapshot(done), Snapshot(finished));
        }
    }

    /// <summary>A recipe's hash must not change with the version that computes it: a begun stage would be refused.</summary>
    private static string? Recipe(string root)
    {
        using var document = JsonDocument.Parse(root);
        return document.RootElement.GetProperty("identity").GetProperty("recipeSha256").GetString();
    }

    private static string? Snapshot(JsonElement status) =>
        status.GetProperty("stages").EnumerateArray().Last().GetProperty("snapshotSha256").GetString();
}
