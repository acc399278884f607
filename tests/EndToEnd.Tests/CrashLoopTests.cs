namespace Slowrun.EndToEnd.Tests;

/// <summary>A stage that brings down every silo that trains it ends the night as a failed stage, not as a dead fleet.</summary>
[Collection(Cli.Waiting)]
public sealed class CrashLoopTests
{
    [Fact]
    public async Task Run_WhenTrainingAStageCrashesItsSilos_FailsItWithTheCauseAndRetryFinishesIt()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);

        var crashed = await cli.RunAsync(new Dictionary<string, string> { ["SLOWRUN_CRASH_AFTER"] = "restore:1:crash" }, "run", "micro");

        Assert.True(crashed.ExitCode == 1, crashed.Output + crashed.Error);
        Assert.Contains("run 'micro' has failed", crashed.Error, StringComparison.Ordinal);
        Assert.Contains(
            "Training it crashed its silo: its process was ended by signal 6 (a crash). That was try 3 of 3 without a newer checkpoint.",
            crashed.Output,
            StringComparison.Ordinal
        );
        var root = (await cli.FactsAsync("micro", TestContext.Current.CancellationToken))!.Roots.Values.Single();
        Assert.Equal((3, 3), (root.FailedTakes, root.Preemptions));

        Assert.Equal(0, (await cli.RunAsync("retry", "micro")).ExitCode);
        var healed = await cli.RunAsync("run", "micro");
        Assert.True(healed.ExitCode == 0, healed.Output + healed.Error);
        var goodput = await cli.JsonAsync("goodput", "micro");
        var run = goodput.GetProperty("run");
        Assert.Equal(run.GetProperty("wallSeconds").GetDouble(), run.GetProperty("chains").GetProperty("totalSeconds").GetDouble(), 0.01);
        Assert.True(run.GetProperty("chains").GetProperty("heldSeconds").GetDouble() > 0);
    }
}
