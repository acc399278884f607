using Slowrun.Core.Notices;
using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;
using Slowrun.Tests.Webhook;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A run's end is told although the silo that owes it is killed, again and again.</summary>
[Collection(Cli.Waiting)]
public sealed class NoticeTests
{
    private const string Secret = "hook-5ecret";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Notice_OfARunWhoseSilosAreKilled_ArrivesUnderOneKeyAndShowsNoSecret()
    {
        await using var server = new WebhookServer();
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var hook = new Uri(server.Url, Secret).ToString();
        Assert.Equal(0, (await cli.RunAsync("submit", "micro", "--notify", "env:HOOK")).ExitCode);
        var written = "";

        // Killed when it has noticed the end, before it sends.
        await KilledAsync("notice-owed:1");
        Assert.Empty(server.Requests);
        // Killed while the receiver has the request and does not answer.
        server.Answer = _ => new WebhookReply { Hangs = true };
        using (var silo = Silo(null))
        {
            await server.ArrivedAsync();
            silo.Process.Kill(entireProcessTree: true);
            written += Said(silo, await silo.EndAsync(Stop));
        }

        // Killed when the receiver has confirmed, before that is recorded.
        server.Answer = _ => new WebhookReply();
        await KilledAsync("notice-sent:1");
        Assert.Equal(2, server.Requests.Count);
        Assert.Equal(NoticeDelivery.Sending, (await DeliveryAsync()).State);

        using (var last = Silo(null, "--exit-when-idle", "1s"))
        {
            written += Said(last, await last.EndAsync(Stop));
        }

        Assert.Equal(NoticeDelivery.Delivered, (await DeliveryAsync()).State);
        Assert.Equal(3, server.Requests.Count);
        Assert.Single(server.Requests.Select(request => request.Key).Distinct());
        Assert.Contains("\"kind\":\"finished\"", server.Requests[^1].Body, StringComparison.Ordinal);

        // Told and recorded, it is told no more.
        using (var next = Silo(null, "--exit-when-idle", "1s"))
        {
            written += Said(next, await next.EndAsync(Stop));
        }

        Assert.Equal(3, server.Requests.Count);
        Assert.Equal(RunState.Succeeded, Readiness.StateOf((await cli.FactsAsync("micro", Stop))!));
        foreach (var file in Directory.EnumerateFiles(store.Path, "*", SearchOption.AllDirectories))
        {
            written += await File.ReadAllTextAsync(file, Stop);
        }

        Assert.Contains("env:HOOK", written, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, written, StringComparison.Ordinal);

        CliProcess Silo(string? crash, params string[] more) =>
            cli.Start(
                crash is null ? new() { ["HOOK"] = hook } : new() { ["HOOK"] = hook, ["SLOWRUN_CRASH_AFTER"] = crash },
                ["silo", "--slots", "cpu:1", .. more]
            );

        async Task KilledAsync(string at)
        {
            using var silo = Silo(at);
            var end = await silo.EndAsync(Stop);
            written += Said(silo, end);
            Assert.NotEqual(0, end.ExitCode);
        }

        async Task<NoticeDelivery> DeliveryAsync() =>
            (await new RunNotices(await cli.OpenStoreAsync(Stop), "micro").TryReadAsync("finished", Stop))!.Deliveries["env:HOOK"];
    }

    private static string Said(CliProcess process, CliResult end)
    {
        Assert.True(process.Process.HasExited);
        return end.Output + end.Error;
    }
}
