using Slowrun.Core.Plan;

namespace Slowrun.EndToEnd.Tests.Upgrade;

/// <summary>
/// A fleet is upgraded while it trains (docs/compatibility.md): silos of two builds share a run, each goes on with what the other one
/// wrote, then the older ones leave.
/// </summary>
[Collection(Cli.Waiting)]
public sealed class RollingUpgradeTests(CalmTiny calm, NextSilo next)
{
    private const string Added = "addedLater";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silos_OfTwoBuilds_ShareARunAndTheOlderOnesLeave_WithTheSameBytes()
    {
        var later = new Dictionary<string, string> { ["SLOWRUN_SILO"] = await next.PathAsync() };
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        // Both are there before the run is: neither comes too late for its share.
        using var older = cli.Start("silo", "--slots", "cpu:1", "--name", "older");
        using var newer = cli.Start(later, "silo", "--slots", "cpu:1", "--name", "newer");
        await older.ServesAsync();
        await newer.ServesAsync();
        Assert.Equal(0, (await cli.RunAsync("submit", "tiny")).ExitCode);
        await OwnedAsync(cli, newer, "newer", 1);

        // The older one goes on with what the next version wrote, and keeps what it does not know of it.
        var taken = await StageOfAsync(cli, "newer");
        Processes.Signal(Processes.SiloNamed(cli.Store, "newer"), Processes.SigKill);
        using var more = cli.Start("silo", "--slots", "cpu:1", "--name", "more");
        await cli.UntilAsync(
            "tiny",
            more,
            facts => facts.Roots[taken] is { Finished: true } or { Owner.SiloName: "more" or "older", Revision: > 2 }
        );
        Assert.Contains(Added, await RootAsync(store, taken), StringComparison.Ordinal);

        using var last = cli.Start(later, "silo", "--slots", "cpu:2", "--name", "last");
        await cli.UntilAsync("tiny", last, facts => facts.Roots.Count > 0);
        foreach (var name in (string[])["older", "more"])
        {
            var drained = await cli.RunAsync("drain", name);
            Assert.True(drained.ExitCode == 0, drained.Error + drained.Output);
        }

        await cli.UntilAsync("tiny", last, facts => Readiness.StateOf(facts) == RunState.Succeeded);
        var roots = (await cli.FactsAsync("tiny", Stop))!.Roots;
        Assert.All(roots.Values, root => Assert.True(root.Finished));
        Assert.Equal(await Weights.ExportAsync(calm.Cli, "tiny"), await Weights.ExportAsync(cli, "tiny"));
        Assert.Equal(
            calm.Status.GetProperty("ensemble").GetRawText(),
            (await cli.JsonAsync("status", "tiny")).GetProperty("ensemble").GetRawText()
        );
    }

    private static Task OwnedAsync(Cli cli, CliProcess silo, string name, int step) =>
        cli.UntilAsync("tiny", silo, facts => facts.Roots.Values.Any(root => root.Owner?.SiloName == name && root.DurableStep >= step));

    private static async Task<StageId> StageOfAsync(Cli cli, string name) =>
        (await cli.FactsAsync("tiny", Stop))!.Roots.First(root => root.Value.Owner?.SiloName == name).Key;

    private static Task<string> RootAsync(TemporaryStore store, StageId stage) =>
        File.ReadAllTextAsync(Path.Combine(store.Path, "runs", "tiny", $"chain{stage.Chain}", $"stage{stage.Stage}", "root"), Stop);
}
