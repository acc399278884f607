using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.EndToEnd.Tests.Attacks;

/// <summary>Attacks that once succeeded: every process that reached a silo's port could call its grains.</summary>
[Collection(Cli.Waiting)]
public sealed class StrangerTests
{
    private const string Nobody = "65534";
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ForgedReportAndDrain_ThroughTheGateway_AreRefusedAtTheHandshake_AndTheStageTrainsOn()
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
                    "chains=[{stages: 1}]",
                    "--set",
                    "stage.epochs=5000",
                    "--set",
                    "operations.checkpointAtLeastEvery=500ms",
                    "--set",
                    "operations.checkpointAtMostEvery=500ms"
                )
            ).ExitCode
        );
        using var silo = cli.Start("silo", "--slots", "cpu:1", "--name", "victim");
        await cli.UntilAsync("tiny", silo, facts => facts.RootOf(Stage).DurableStep > 0);
        var (address, gateway) = await AddressAsync(cli);
        var forged = new StageProgress
        {
            Stage = Stage.ToString(),
            EpochToken = long.MaxValue / 2,
            Activity = StageActivity.Training,
            Step = 1,
            Steps = 2,
            At = TimeProvider.System.GetUtcNow(),
        };

        var attacked = Stopwatch.StartNew();
        var membership = await (await cli.OpenStoreAsync(Stop)).TryReadAsync("cluster/membership", Stop);
        var clusterId = (string)JsonNode.Parse(membership!.Content.Span)!["clusterId"]!;
        foreach (var withTls in new[] { false, true })
        {
            Assert.False(
                await ForgedClient.TryCallAsync(
                    gateway,
                    withTls,
                    clusterId,
                    grains => grains.GetGrain<IRunGrain>("tiny").Report(forged),
                    Stop
                )
            );
            Assert.False(
                await ForgedClient.TryCallAsync(gateway, withTls, clusterId, grains => grains.GetGrain<ISiloGrain>(address).Drain(), Stop)
            );
        }

        var before = (await cli.FactsAsync("tiny", Stop))!.RootOf(Stage);
        Assert.Equal((1, "victim"), (before.EpochToken, before.Owner?.SiloName));
        await cli.UntilAsync("tiny", silo, facts => facts.RootOf(Stage).DurableStep > before.DurableStep);
        // Asked in time: on a busy machine not each time.
        await silo.UntilAsync(async _ =>
            (await cli.JsonAsync("status", "tiny")).GetProperty("source").GetString()?.ToUpperInvariant() == "CLUSTER"
        );

        // Another certificate while it trains: the training goes on, and readers of the store can still connect.
        var rotated = await cli.RunAsync("cluster", "rotate-certificate", "--revoke-old");
        Assert.Equal((0, "victim has it."), (rotated.ExitCode, rotated.Error.Trim()));
        Assert.Equal(0, (await cli.RunAsync("drain", "victim")).ExitCode);
        var ended = await silo.EndAsync(Stop);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(1, (await cli.FactsAsync("tiny", Stop))!.RootOf(Stage).EpochToken);
        AssertLoggedOnceAMinute(ended, attacked);
        Assert.DoesNotContain("Exception", ended.Output + ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ports_ForAnotherUserAndAnotherNetwork_AnswerNotAByte()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can become another user and make a network.");
        Assert.SkipUnless(
            Namespace.TryRun("setpriv", "--version") is not null && Namespace.TryRun("ip", "netns", "list") is not null,
            "setpriv (util-linux) and ip (iproute2) are not here."
        );
        using var network = new Namespace();
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        using var silo = cli.Start("silo", "--slots", "cpu:1", "--name", "victim", "--listen", Namespace.Here);
        await silo.ServesAsync();

        var (address, gateway) = await AddressAsync(cli);
        var attacked = Stopwatch.StartNew();
        var siloPort = int.Parse(address.Split('@')[0].Split(':')[1], CultureInfo.InvariantCulture);
        string[] nobody = ["setpriv", "--reuid", Nobody, "--regid", Nobody, "--clear-groups", "bash", "-c"];
        foreach (var port in new[] { siloPort, gateway.Port })
        {
            // Orleans' own first words, without TLS.
            var talk = Talk(port, @"\x02\x00\x00\x00\x01\x00");
            Assert.Equal("0", Namespace.TryRun([.. nobody, talk])?.Trim());
            Assert.Equal("0", Namespace.TryRun(network.Within("bash", "-c", talk))?.Trim());
        }

        // A handshake that never ends.
        Assert.Equal("0", Namespace.TryRun([.. nobody, Talk(gateway.Port, @"\x16\x03\x01\x00\x05")])?.Trim());
        Assert.Null(
            Namespace.TryRun(
                "setpriv",
                "--reuid",
                Nobody,
                "--regid",
                Nobody,
                "--clear-groups",
                "cat",
                Path.Combine(store.Path, "cluster", "certificate")
            )
        );
        Assert.Equal(0, (await cli.RunAsync("drain", "victim")).ExitCode);
        var ended = await silo.EndAsync(Stop);
        Assert.Equal(0, ended.ExitCode);
        AssertLoggedOnceAMinute(ended, attacked);
    }

    /// <summary>Refusals fill no log, however many there are.</summary>
    private static void AssertLoggedOnceAMinute(CliResult silo, Stopwatch attacked) =>
        Assert.InRange(
            (silo.Output + silo.Error).Split('\n').Count(line => line.Contains("was refused", StringComparison.Ordinal)),
            1,
            1 + (int)attacked.Elapsed.TotalMinutes
        );

    /// <summary>Says something, and counts the bytes of the answer.</summary>
    private static string Talk(int port, string words) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"exec 3<>/dev/tcp/{Namespace.Here}/{port} || exit 1; printf '{words}' >&3; timeout 20 cat <&3 | wc -c"
        );

    /// <summary>What any local user can see: where the silo listens.</summary>
    private static async Task<(string Silo, IPEndPoint Gateway)> AddressAsync(Cli cli)
    {
        var table = JsonNode.Parse((await (await cli.OpenStoreAsync(Stop)).TryReadAsync("cluster/membership", Stop))!.Content.Span)!;
        var row = table["rows"]!.AsArray().Single(row => (string?)row!["status"] == "Active")!;
        var silo = (string)row["silo"]!;
        return (silo, new IPEndPoint(IPAddress.Parse(silo.Split(':')[0]), (int)row["proxyPort"]!));
    }
}
