using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Silos that a user starts by hand.</summary>
[Collection(Cli.Waiting)]
public sealed class OwnSiloTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("--http")]
    [InlineData("--page")]
    public async Task Silo_WhosePortIsBusy_SaysSoWithoutATrace(string option)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        using var store = new TemporaryStore();

        var end = await new Cli(store.Path).RunAsync("silo", option, port);

        Assert.Equal(1, end.ExitCode);
        Assert.Contains($"slowrun silo: Port {port} of 127.0.0.1 (option {option}) cannot be used", end.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", end.Output + end.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silo_WhoseStoreIsAFile_SaysSoOnce()
    {
        using var folder = new TemporaryStore();
        var file = Path.Combine(folder.Path, "file");
        await File.WriteAllTextAsync(file, "", Stop);

        var end = await new Cli(file).RunAsync("silo");

        Assert.Equal(1, end.ExitCode);
        Assert.StartsWith($"slowrun silo: '{file}' is a file; a store is ", end.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', end.Error.TrimEnd());
    }

    [Fact]
    public async Task Logs_OfASiloStartedByHand_PrintsWhatItSaid()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        using var silo = cli.Start("silo", "--slots", "cpu:1", "--exit-when-idle", "1s", "--name", "mine");
        var end = await silo.EndAsync(Stop);
        Assert.Equal(0, end.ExitCode);
        Assert.Contains("Serving with slots cpu:0.", end.Output, StringComparison.Ordinal);

        var logs = await cli.RunAsync("logs");

        Assert.True(logs.ExitCode == 0, logs.Error);
        Assert.Contains("Serving with slots cpu:0.", logs.Output, StringComparison.Ordinal);
        Assert.Contains("Leaving: nothing was ready", logs.Output, StringComparison.Ordinal);
    }
}
