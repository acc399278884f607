using System.Globalization;
using System.Text.Json;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>The chaos command, short: a fleet that loses machines in every way ends with the calm fleet's bytes.</summary>
[Collection(Cli.Training)]
public sealed class ChaosTests
{
    [Fact]
    public async Task Chaos_OnADirectory_EndsWithTheSameBytes()
    {
        using var store = new TemporaryStore();
        var report = await RunAsync(new Cli(store.Path), 4, "--seed", "7", "--mode", "kill", "term", "notice", "vanish");

        Assert.Equal(1, report.GetProperty("notices").GetProperty("announced").GetInt32());
        foreach (var mode in (string[])["kill", "notice", "term", "vanish"])
        {
            Assert.Equal(1, report.GetProperty("modes").GetProperty(mode).GetProperty("count").GetInt32());
        }
    }

    [Fact]
    public async Task Chaos_OnAzurite_EndsWithTheSameBytes() =>
        await RunAsync(new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync())), 3, "--seed", "11", "--mode", "kill", "freeze", "notice");

    private static async Task<JsonElement> RunAsync(Cli cli, int disturbances, params string[] options)
    {
        var found = await cli.JsonAsync(["chaos", "tiny", "--silos", "2", "--kills", disturbances.ToString(CultureInfo.InvariantCulture), .. options]);
        Assert.True(found.GetProperty("identical").GetBoolean());
        Assert.Equal(0, found.GetProperty("differing").GetArrayLength());
        Assert.Equal(0, found.GetProperty("unplannedExits").GetInt32());
        Assert.Equal(disturbances, found.GetProperty("disturbances").GetArrayLength());
        Assert.InRange(found.GetProperty("preemptions").GetInt32(), 1, disturbances * 2);
        Assert.InRange(found.GetProperty("recoveryP50Seconds").GetDouble(), 0, 120);
        return found;
    }
}
