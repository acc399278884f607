using System.Text.RegularExpressions;
using Slowrun.Client.Api;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A program with the client library, and a silo.</summary>
[Collection(Cli.Waiting)]
public sealed partial class ClientLibraryTests
{
    private const string Token = "a-token-of-twenty-letters";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_OfAProgram_IsTrainedAndWatchedUntilTheProgramCancelsIt()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var letters = Tokens(4096);
        var data = await new DataUpload(await cli.OpenStoreAsync(Stop)).UploadAsync(
            "bytes",
            letters,
            letters,
            letters,
            "letters",
            null,
            Stop
        );
        using var silo = cli.Start(new Dictionary<string, string> { ["SLOWRUN_TOKEN"] = Token }, "silo", "--slots", "cpu:1", "--page", "0");
        await silo.UntilAsync(_ => Task.FromResult(PageAddress().IsMatch(silo.Output)));
        using var slowrun = new SlowrunClient(new Uri(PageAddress().Match(silo.Output).Groups[1].Value), Token);

        var mine = await slowrun.SubmitRunAsync(
            "extends: tiny\nrecipe: {chains: [{stages: 1}], stage: {epochs: 100000}}",
            "mine",
            data,
            Stop
        );
        var trained = 0;
        var last = mine.Run;
        await foreach (var status in slowrun.WatchRunAsync(mine.Run, cancellationToken: Stop))
        {
            if (trained == 0 && status.Stages[0].Step > 0)
            {
                trained = status.Stages[0].Step;
                await slowrun.CancelRunAsync(mine.Run, cancellationToken: Stop);
            }

            last = status.State.ToString();
        }

        Assert.Equal("Cancelled", last);
        Assert.True(trained > 0);
    }

    private static ArrayTokenSet Tokens(int count) =>
        new([256, .. Enumerable.Range(0, count - 1).Select(i => (ushort)(97 + (i % 26)))], [0], [.. Enumerable.Repeat(1, 256), 0]);

    [GeneratedRegex(@"The page, metrics and health are served at (http://\S+)\.\s")]
    private static partial Regex PageAddress();
}
