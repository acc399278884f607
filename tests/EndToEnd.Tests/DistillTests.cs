namespace Slowrun.EndToEnd.Tests;

/// <summary>A finished run's ensemble distilled into one model by the real client, calmly and by silos that die.</summary>
[Collection(Cli.Waiting)]
public sealed class DistillTests(CalmTiny calm)
{
    [Fact]
    public async Task Distill_WhenItsSilosDieAgainAndAgain_EndsWithTheSameBytesAsACalmOne()
    {
        var alone = await calm.Cli.RunAsync("distill", "tiny", "--into", "micro", "--set", "stage.epochs=1", "--name", "alone");
        Assert.True(alone.ExitCode == 0, alone.Error + alone.Output);
        Assert.Contains("The 4 members of 'tiny'", alone.Output, StringComparison.Ordinal);
        Assert.Contains("than all 4 together", alone.Output, StringComparison.Ordinal);

        // Each silo dies after its first commit, 40 steps on; the client starts the next.
        var killed = await calm.Cli.RunAsync(
            new Dictionary<string, string> { ["SLOWRUN_CRASH_AFTER"] = "commit:1" },
            "distill",
            "tiny",
            "--into",
            "micro",
            "--set",
            "stage.epochs=1",
            "--set",
            "operations.checkpointEverySteps=40",
            "--name",
            "killed"
        );

        Assert.True(killed.ExitCode == 0, killed.Error + killed.Output);
        var status = await calm.Cli.JsonAsync("status", "killed");
        Assert.True(status.GetProperty("stages")[0].GetProperty("preemptions").GetInt32() > 0, "No silo died.");
        Assert.Equal(await Weights.ExportAsync(calm.Cli, "alone"), await Weights.ExportAsync(calm.Cli, "killed"));
    }

    /// <summary>The table of docs/distill.md. Some minutes on 2 cores, so only when it is asked for.</summary>
    [Fact(Explicit = true)]
    public async Task Distill_OfTheQuickDemosEnsemble_BeatsTheSameModelWithoutATeacher()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        Assert.Equal(0, (await cli.RunAsync("run", "demo-quick", "--name", "teacher")).ExitCode);
        var distilled = await cli.RunAsync("distill", "teacher", "--into", "demo-quick", "--name", "student", "--baseline");
        Assert.True(distilled.ExitCode == 0, distilled.Error + distilled.Output);

        var stages = (await cli.JsonAsync("status", "student"))
            .GetProperty("stages")
            .EnumerateArray()
            .Select(stage => stage.GetProperty("valLossNats").GetDouble())
            .ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(distilled.Output);
        Assert.True(stages[0] < stages[1], $"Taught {stages[0]}, untaught {stages[1]}.");
    }
}
