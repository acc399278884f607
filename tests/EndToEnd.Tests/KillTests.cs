using System.Text.Json;
using Slowrun.Storage;
using Slowrun.Tests.Gcs;
using Slowrun.Tests.S3;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Kills of real processes at real moments: the weights must come out the same.</summary>
[Collection(Cli.Training)]
public sealed class KillTests(CalmTiny calm, CalmMicro calmMicro)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The silo alone, which its client starts again; the client alone, whose silo then ends by itself; both at once.</summary>
    [Fact]
    public async Task Run_WhoseSiloClientAndBothAreKilled_EndsWithTheSameBytes()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var random = new Random(5);
        using (var run = cli.Start("run", "tiny"))
        {
            await cli.TrainingAsync("tiny", run, steps: random.Next(1, 30));
            foreach (var silo in Processes.SilosOf(store.Path))
            {
                Processes.SignalIfAlive(silo, Processes.SigKill);
            }

            await cli.TrainingAsync("tiny", run, steps: random.Next(1, 30));
            Processes.SignalIfAlive(run.Process.Id, Processes.SigKill);
            await run.Process.WaitForExitAsync(Stop);
        }

        await Processes.SilosGoneAsync(store.Path);
        await KillAsync(cli, random.Next(1, 30));
        await Processes.SilosGoneAsync(store.Path);

        var last = await cli.RunAsync("run", "tiny");
        Assert.True(last.ExitCode == 0, last.Error + last.Output);
        Assert.Equal(await Weights.ExportAsync(calm.Cli, "tiny"), await Weights.ExportAsync(cli, "tiny"));
    }

    /// <summary>
    /// Begun on a directory, where our own storage writes the roots, and carried to a container of Azure, where Microsoft's does: as a
    /// store that an older version has written.
    /// </summary>
    [Fact]
    public async Task Run_OnAzuriteFromAnOlderStoreAndKilledTwice_EndsWithTheSameBytes()
    {
        using var directory = new TemporaryStore();
        var older = new Cli(directory.Path);
        await KillAsync(older, steps: 10);
        await Processes.SilosGoneAsync(directory.Path);
        var cli = new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync()));
        await CopyAsync(await older.OpenStoreAsync(Stop), await cli.OpenStoreAsync(Stop));
        await KillAsync(cli, steps: 5);
        await Processes.SilosGoneAsync(cli.Store);
        await KillAsync(cli, steps: 15);

        var last = await cli.RunAsync("run", "tiny");
        Assert.True(last.ExitCode == 0, last.Error + last.Output);
        Assert.Equal(await Weights.ExportAsync(calm.Cli, "tiny"), await Weights.ExportAsync(cli, "tiny"));
        Assert.Equal(0, (await cli.RunAsync("checkpoints", "verify", "tiny")).ExitCode);
        var roots = (await cli.FactsAsync("tiny", Stop))!.Roots.Values;
        Assert.True(roots.Sum(root => root.Preemptions) >= 1);
    }

    /// <summary>
    /// Begun on a server of S3's protocol, and carried to one of Google Cloud Storage's; the SDKs take their credentials, or none, from the
    /// environment, as a user's silo does.
    /// </summary>
    [Fact]
    public async Task Run_OnS3AndThenOnGcsKilledOnBoth_EndsWithTheSameBytes()
    {
        await using var server = new FakeS3();
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", FakeS3.AccessKey);
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", FakeS3.SecretKey);
        var s3 = new Cli(server.NewAddress());
        await KillAsync(s3, steps: 5);
        await Processes.SilosGoneAsync(s3.Store);
        await using var google = new FakeGcs();
        Environment.SetEnvironmentVariable("STORAGE_EMULATOR_HOST", $"127.0.0.1:{google.Port}");
        var cli = new Cli(google.NewAddress());
        await CopyAsync(await s3.OpenStoreAsync(Stop), await cli.OpenStoreAsync(Stop));
        await KillAsync(cli, steps: 15);

        var last = await cli.RunAsync("run", "tiny");
        Assert.True(last.ExitCode == 0, last.Error + last.Output);
        Assert.Equal(await Weights.ExportAsync(calm.Cli, "tiny"), await Weights.ExportAsync(cli, "tiny"));
        Assert.Equal(0, (await cli.RunAsync("checkpoints", "verify", "tiny")).ExitCode);
        Assert.True((await cli.FactsAsync("tiny", Stop))!.Roots.Values.Sum(root => root.Preemptions) >= 1);
        Assert.Equal(0, server.OpenUploads);
    }

    /// <summary>
    /// Checkpoints by steps: one after each step is left out while another is being written, and how many there are is then the disk's
    /// speed. The first of a take is always written.
    /// </summary>
    [Fact]
    public async Task Silo_WhenItDiesAfterEveryCommit_GoesOnFromThereWithTheSameBytes()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var result = await cli.RunAsync(
            new Dictionary<string, string> { ["SLOWRUN_CRASH_AFTER"] = "commit:1" },
            "run",
            "micro",
            "--set",
            "operations.checkpointEverySteps=5"
        );
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Equal(await Weights.ExportAsync(await calmMicro.CliAsync(), "micro"), await Weights.ExportAsync(cli, "micro"));
        var status = await cli.JsonAsync("status", "micro");
        Assert.All(status.GetProperty("stages").EnumerateArray(), stage => Assert.True(stage.GetProperty("preemptions").GetInt32() > 0));
    }

    [Theory]
    [InlineData(Processes.SigInt)]
    [InlineData(Processes.SigTerm)]
    public async Task Run_WhenAskedToStop_CommitsTheLastStepAndLeavesNoProcess(int signal)
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        using var run = cli.Start("run", "tiny");
        await cli.TrainingAsync("tiny", run, steps: 2);
        Processes.Signal(run.Process.Id, signal);
        await run.EndAsync(Stop);

        Assert.Empty(Processes.SilosOf(store.Path));
        var status = await cli.JsonAsync("status", "tiny");
        Assert.Contains(Stages(status), stage => stage.GetProperty("durableStep").GetInt32() > 0);
        Assert.All(
            Stages(status),
            stage => Assert.False(stage.TryGetProperty("owner", out var owner) && owner.ValueKind == JsonValueKind.Object)
        );
        Assert.All(Stages(status), stage => Assert.Equal(0, stage.GetProperty("lostSteps").GetInt32()));
    }

    private static async Task KillAsync(Cli cli, int steps)
    {
        using var run = cli.Start("run", "tiny");
        await cli.TrainingAsync("tiny", run, steps);
        foreach (var process in (int[])[run.Process.Id, .. Processes.SilosOf(cli.Store)])
        {
            Processes.SignalIfAlive(process, Processes.SigKill);
        }

        await run.Process.WaitForExitAsync(Stop);
    }

    private static async Task CopyAsync(IObjectStore from, IObjectStore to)
    {
        await foreach (var entry in from.ListAsync("", Stop))
        {
            await using var content = await from.TryOpenAsync(entry.Name, cancellationToken: Stop);
            Assert.True(await to.TryCreateAsync(entry.Name, content!, Stop));
        }
    }

    private static JsonElement.ArrayEnumerator Stages(JsonElement status) => status.GetProperty("stages").EnumerateArray();
}
