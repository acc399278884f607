using System.Globalization;
using Slowrun.Client.Api;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A program that uses the client library against a real silo.</summary>
[Collection(Cli.Waiting)]
public sealed class ClientLibraryTests(CalmMicro calm)
{
    private const string Token = "a-token-of-twenty-letters";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>What the silo trains on is in the store: that of the calm run.</summary>
    [Fact]
    public async Task Run_OfALibrarysUser_IsSubmittedWatchedRenamedAndRead()
    {
        using var store = new TemporaryStore();
        await calm.CopyAsync(store);
        var cli = new Cli(store.Path);
        var port = FreePorts.Next().ToString(CultureInfo.InvariantCulture);
        using var silo = cli.Start(
            new Dictionary<string, string> { ["SLOWRUN_TOKEN"] = Token },
            "silo",
            "--slots",
            "cpu:1",
            "--page",
            port
        );
        using var slowrun = new SlowrunClient(new Uri($"http://127.0.0.1:{port}"), Token);
        await silo.UntilAsync(async stop =>
        {
            try
            {
                return (await slowrun.GetServerAsync(stop)).TakesOrders;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        var data = (await slowrun.GetSpecAsync("micro", Stop)).Recipe.Data.Sha256;

        var mine = await slowrun.SubmitRunAsync("extends: micro\nrecipe: {seed: 5}", "mine", data, Stop);
        Assert.Equal(0, (await cli.RunAsync("rename", "mine", "best")).ExitCode);
        Assert.Equal(3, (await slowrun.SetOperationsAsync("best", ["priority=3"], Stop)).Priority);
        RunStatus? last = null;
        await foreach (var status in slowrun.WatchRunAsync("best", cancellationToken: Stop))
        {
            last = status;
        }

        Assert.Equal(("mine", RunState.Succeeded), (mine.Run, last!.State));
        Assert.Equal(("mine", "best"), (last.Name, last.GivenName));
        Assert.All(last.Stages, stage => Assert.Equal((8, 8), (stage.Step, stage.Steps)));
        var losses = await slowrun.GetMetricsAsync("best", cancellationToken: Stop);
        Assert.Equal((2, last.Ensemble!.LossNats), (losses.Ensemble!.Members, losses.Ensemble.LossNats));
        Assert.All(await slowrun.GetMembersAsync("best", Stop), member => Assert.NotNull(member.SnapshotSha256));
        Assert.Contains((await slowrun.GetEventsAsync("best", cancellationToken: Stop)).Events, one => one.Kind == "operations-changed");
        var refusal = await Assert.ThrowsAsync<SlowrunException>(() => slowrun.RetryRunAsync("best", cancellationToken: Stop));
        Assert.Contains("has failed", refusal.Message, StringComparison.Ordinal);

        Assert.Equal(0, (await cli.RunAsync("checkpoints", "verify", "best")).ExitCode);
    }
}
