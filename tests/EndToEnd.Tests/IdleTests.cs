using Slowrun.Core.Plan;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Silos that leave when nothing is ready for them, so that their machines can end.</summary>
[Collection(Cli.Waiting)]
public sealed class IdleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silo_WhenItsRunIsDoneAndAnotherIsPaused_LeavesInOrder()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        Assert.Equal(0, (await cli.RunAsync("submit", "micro", "--name", "later")).ExitCode);
        Assert.Equal(0, (await cli.RunAsync("pause", "later")).ExitCode);
        Assert.Equal(0, (await cli.RunAsync("submit", "micro")).ExitCode);
        using var silo = cli.Start("silo", "--slots", "cpu:1", "--exit-when-idle", "1s");

        var end = await silo.EndAsync(Stop);

        Assert.True(end.ExitCode == 0, end.Output + end.Error);
        Assert.Equal(RunState.Succeeded, Readiness.StateOf((await cli.FactsAsync("micro", Stop))!));
        Assert.Equal(RunState.Paused, Readiness.StateOf((await cli.FactsAsync("later", Stop))!));
        Assert.Contains("Leaving: nothing was ready for", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silo_WhenAllThereIsTrainsElsewhere_LeavesAndTheOtherGoesOn()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        // One chain: its second stage waits for the first, which trains for longer than this test lasts.
        Assert.Equal(0, (await cli.RunAsync("submit", "micro", "--set", "stage.epochs=100000")).ExitCode);
        using var busy = cli.Start("silo", "--slots", "cpu:1", "--name", "busy", "--exit-when-idle", "1s");
        await cli.UntilAsync("micro", busy, facts => facts.Roots.Values.Any(root => root.Owner is not null));
        using var idle = cli.Start("silo", "--slots", "cpu:1", "--name", "idle", "--exit-when-idle", "1s");

        var end = await idle.EndAsync(Stop);

        Assert.True(end.ExitCode == 0, end.Output + end.Error);
        Assert.False(busy.Process.HasExited, busy.Output + busy.Error);
        Assert.Equal("busy", Assert.Single((await cli.FactsAsync("micro", Stop))!.Roots.Values).Owner?.SiloName);
    }

    [Theory]
    [InlineData("0s")]
    [InlineData("soon")]
    public async Task Silo_WithAnIdleTimeThatIsNone_SaysWhatIsExpected(string time)
    {
        using var store = new TemporaryStore();
        var result = await new Cli(store.Path).RunAsync("silo", "--exit-when-idle", time);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"--exit-when-idle '{time}' is no time above 0; expected for example 10m.", result.Error, StringComparison.Ordinal);
    }
}
