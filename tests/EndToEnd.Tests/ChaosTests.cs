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

        // What it recorded can be carried out again on modelled machines. How near that comes is no matter of so short a run.
        var file = Path.Combine(store.Path, "chaos.json");
        await File.WriteAllTextAsync(file, report.GetRawText(), TestContext.Current.CancellationToken);
        var replay = (await new Cli(store.Path).JsonAsync("plan", "--replay", file))[0];
        Assert.Equal(4, replay.GetProperty("losses").GetInt32());
        Assert.True(replay.GetProperty("result").GetProperty("predicted").GetDouble() > 0, replay.ToString());
    }

    /// <summary>Objects of every kind are damaged while silos use them: the same bytes, or a refusal that names the object.</summary>
    [Fact]
    public async Task Chaos_WithDamage_EndsWithTheSameBytesAndHangsNowhere()
    {
        using var store = new TemporaryStore();
        var found = await new Cli(store.Path).JsonAsync(
            "chaos",
            "tiny",
            "--silos",
            "2",
            "--kills",
            "10",
            "--seed",
            "5",
            "--mode",
            "damage",
            "--set",
            "stage.epochs=6"
        );

        Assert.True(found.GetProperty("identical").GetBoolean(), found.ToString());
        Assert.Equal(0, found.GetProperty("hangs").GetInt32());
        Assert.Equal(0, found.GetProperty("unplannedExits").GetInt32());
        var damages = found.GetProperty("damages").EnumerateArray().ToList();
        Assert.True(damages.Count >= 5, found.ToString());
        Assert.True(damages.Select(one => one.GetProperty("kind").GetString()).Distinct().Count() >= 4, found.ToString());
        Assert.All(
            damages,
            one =>
                Assert.Contains(
                    one.GetProperty("outcome").GetString(),
                    (string[])["healed", "refused", "unread"],
                    StringComparer.OrdinalIgnoreCase
                )
        );
    }

    [Fact]
    public async Task Chaos_OnAzurite_EndsWithTheSameBytes() =>
        await RunAsync(
            new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync())),
            3,
            "--seed",
            "11",
            "--mode",
            "kill",
            "freeze",
            "notice"
        );

    private static async Task<JsonElement> RunAsync(Cli cli, int disturbances, params string[] options)
    {
        var found = await cli.JsonAsync(
            [
                "chaos",
                "tiny",
                "--silos",
                "2",
                "--kills",
                disturbances.ToString(CultureInfo.InvariantCulture),
                // Every moment that can be planned comes within a stage: there is a checkpoint after each step, and more steps than any
                // moment waits for.
                "--set",
                "stage.epochs=2",
                "--set",
                "operations.checkpointAtLeastEvery=0s",
                "--set",
                "operations.checkpointAtMostEvery=0s",
                .. options,
            ]
        );
        Assert.True(found.GetProperty("identical").GetBoolean());
        Assert.Equal(0, found.GetProperty("differing").GetArrayLength());
        Assert.Equal(0, found.GetProperty("unplannedExits").GetInt32());
        Assert.Equal(disturbances, found.GetProperty("disturbances").GetArrayLength());
        // A machine that was lost while it owned nothing cost nothing: how many owners there are to lose is the machine's speed.
        var lost = found
            .GetProperty("disturbances")
            .EnumerateArray()
            .Count(one =>
                one.GetProperty("stage").ValueKind == JsonValueKind.String
                && one.GetProperty("mode").GetString() is { } mode
                && (mode.Equals("kill", StringComparison.OrdinalIgnoreCase) || mode.Equals("vanish", StringComparison.OrdinalIgnoreCase))
            );
        Assert.InRange(found.GetProperty("preemptions").GetInt32(), lost, disturbances * 2);
        if (found.GetProperty("recoveryP50Seconds") is { ValueKind: JsonValueKind.Number } recovery)
        {
            Assert.InRange(recovery.GetDouble(), 0, 120);
        }

        return found;
    }
}
