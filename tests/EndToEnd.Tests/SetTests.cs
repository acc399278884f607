namespace Slowrun.EndToEnd.Tests;

/// <summary>Operations change while a real silo trains.</summary>
[Collection(Cli.Waiting)]
public sealed class SetTests
{
    [Fact]
    public async Task Set_OfARunThatTrains_IsObeyedByItsOwnerAndShownByStatus()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        Assert.Equal(
            0,
            (
                await cli.RunAsync(
                    "submit",
                    "tiny",
                    "--set",
                    "stage.epochs=5000",
                    "--set",
                    "operations.checkpointAtLeastEvery=1h",
                    "--set",
                    "operations.checkpointAtMostEvery=1h"
                )
            ).ExitCode
        );
        using var silo = cli.Start("silo", "--slots", "cpu:1");
        await cli.UntilAsync("tiny", silo, facts => facts.Progress.Values.Any(progress => progress.Step > 0));
        Assert.All((await cli.FactsAsync("tiny", TestContext.Current.CancellationToken))!.Roots.Values, root => Assert.Null(root.Current));

        var set = await cli.RunAsync("set", "tiny", "checkpoint.interval=200ms", "keepCheckpoints=4");

        Assert.True(set.ExitCode == 0, set.Error);
        await cli.UntilAsync("tiny", silo, facts => facts.Roots.Values.Any(root => root.Ledger.Checkpoints >= 6));
        var status = await cli.JsonAsync("status", "tiny");
        Assert.Equal(4, status.GetProperty("operations").GetProperty("keepCheckpoints").GetInt32());
        // Four, and one that is being written; for a moment one more, until it is swept.
        var folder = Path.Combine(store.Path, "runs", "tiny", "chain0", "stage0");
        await silo.UntilAsync(_ => Task.FromResult(Directory.GetDirectories(folder).Length is 4 or 5));
    }
}
