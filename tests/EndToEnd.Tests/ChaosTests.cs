using System.Text.Json;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>The chaos command, short: a fleet that loses machines in every way ends with the calm fleet's bytes.</summary>
[Collection(Cli.OneAtATime)]
public sealed class ChaosTests
{
    [Fact]
    public async Task Chaos_OfEveryModeOnADirectory_EndsWithTheSameBytes()
    {
        using var store = new TemporaryStore();
        Hold(await new Cli(store.Path).RunAsync("chaos", "tiny", "--silos", "2", "--kills", "5", "--seed", "7", "--mode", "all", "-o", "json"), 5);
    }

    [Fact]
    public async Task Chaos_OfKillsOnAzurite_EndsWithTheSameBytes()
    {
        var cli = new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync()));
        Hold(await cli.RunAsync("chaos", "tiny", "--silos", "2", "--kills", "3", "--seed", "11", "--mode", "kill", "-o", "json"), 3);
    }

    private static void Hold(CliResult result, int disturbances)
    {
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        using var report = JsonDocument.Parse(result.Output);
        var found = report.RootElement;
        Assert.True(found.GetProperty("identical").GetBoolean());
        Assert.Equal(0, found.GetProperty("differing").GetArrayLength());
        Assert.Equal(0, found.GetProperty("unplannedExits").GetInt32());
        Assert.Equal(disturbances, found.GetProperty("disturbances").GetArrayLength());
        Assert.InRange(found.GetProperty("preemptions").GetInt32(), 1, disturbances * 2);
        Assert.InRange(found.GetProperty("recoveryP50Seconds").GetDouble(), 0, 120);
    }
}
