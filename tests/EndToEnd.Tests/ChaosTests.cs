using System.Globalization;
using System.Text.Json;
using Slowrun.Storage.Runs;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>The chaos command, short: a fleet that loses machines in every way ends with the calm fleet's bytes.</summary>
[Collection(Cli.Training)]
public sealed class ChaosTests
{
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
            "stage.epochs=6",
            // The second silo reads what is damaged, and takes over; two chains would only train more.
            "--set",
            "chains=[{stages: 2}]"
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

    /// <summary>
    /// Machines are lost in five ways, each within a stage: during a step, an upload, two commits, and a take. The model's layers share
    /// blocks, and grow from two to four within each stage.
    /// </summary>
    [Fact]
    public async Task Chaos_OnAzurite_EndsWithTheSameBytes()
    {
        string[] modes = ["kill", "freeze", "notice", "vanish", "term"];
        var cli = new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync()));

        var found = await cli.JsonAsync(
            [
                "chaos",
                "tiny",
                "--silos",
                "2",
                "--kills",
                modes.Length.ToString(CultureInfo.InvariantCulture),
                // Of which no moment is later than a silo's seventh step.
                "--seed",
                "53",
                "--set",
                "stage.epochs=1",
                "--set",
                "model.sharedBlocks={attentions: 2, hiddenMultiple: 2}",
                "--set",
                "stage.loop=null",
                "--set",
                "stage.depth=[{untilFraction: 0.4, layers: 2}]",
                // There is a checkpoint after each step.
                "--set",
                "operations.checkpointAtLeastEvery=0s",
                "--set",
                "operations.checkpointAtMostEvery=0s",
                "--mode",
                .. modes,
            ]
        );

        Assert.True(found.GetProperty("identical").GetBoolean(), found.ToString());
        Assert.Equal(0, found.GetProperty("differing").GetArrayLength());
        Assert.Equal(0, found.GetProperty("unplannedExits").GetInt32());
        Assert.Equal(1, found.GetProperty("notices").GetProperty("announced").GetInt32());
        Assert.All(modes, mode => Assert.Equal(1, found.GetProperty("modes").GetProperty(mode).GetProperty("count").GetInt32()));
        // A machine that was lost while it owned nothing cost nothing: how many owners there are to lose is the machine's speed.
        var lost = found
            .GetProperty("disturbances")
            .EnumerateArray()
            .Count(one =>
                one.GetProperty("stage").ValueKind == JsonValueKind.String
                && one.GetProperty("mode").GetString() is { } mode
                && (mode.Equals("kill", StringComparison.OrdinalIgnoreCase) || mode.Equals("vanish", StringComparison.OrdinalIgnoreCase))
            );
        Assert.InRange(found.GetProperty("preemptions").GetInt32(), lost, modes.Length * 2);
        if (found.GetProperty("recoveryP50Seconds") is { ValueKind: JsonValueKind.Number } recovery)
        {
            Assert.InRange(recovery.GetDouble(), 0, 120);
        }

        // What it recorded can be carried out again on modelled machines. How near that comes is no matter of so short a run.
        using var directory = new TemporaryStore();
        var file = Path.Combine(directory.Path, "chaos.json");
        await File.WriteAllTextAsync(file, found.GetRawText(), TestContext.Current.CancellationToken);
        var replay = (await cli.JsonAsync("plan", "--replay", file))[0];
        Assert.Equal(modes.Length, replay.GetProperty("losses").GetInt32());
        Assert.True(replay.GetProperty("result").GetProperty("predicted").GetDouble() > 0, replay.ToString());
    }

    /// <summary>One chaos is killed, the next one told to stop: neither leaves a process, and what they left is removed by one command,
    /// beside a run of the user's.</summary>
    [Fact]
    public async Task Chaos_ThatIsInterrupted_LeavesNoProcessAndIsCleaned()
    {
        var stop = TestContext.Current.CancellationToken;
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        await cli.RunAsync("submit", "micro", "--name", "micro-calm-000000");

        using var killed = cli.Start("chaos", "micro", "--silos", "2");
        await killed.UntilAsync(_ => Task.FromResult(Processes.SilosOf(store.Path).Count > 0));
        Processes.Signal(killed.Process.Id, Processes.SigKill);
        await Processes.SilosGoneAsync(store.Path);
        var first = Assert.Single(await RunsAsync());

        using var stopped = cli.Start("chaos", "micro", "--silos", "1");
        await stopped.UntilAsync(_ => Task.FromResult(Processes.SilosOf(store.Path).Count > 0));
        Assert.Contains(
            $"was interrupted and left the run {first}. 'slowrun chaos --clean --store {store.Path}'",
            stopped.Output,
            StringComparison.Ordinal
        );
        Processes.Signal(stopped.Process.Id, Processes.SigTerm);
        var end = await stopped.EndAsync(stop);
        Assert.Equal(1, end.ExitCode);
        await Processes.SilosGoneAsync(store.Path);
        var second = Assert.Single(await RunsAsync(), run => run != first);
        Assert.Contains($"keeps the run {second} of this chaos", end.Output, StringComparison.Ordinal);

        var cleaned = await cli.JsonAsync("chaos", "--clean");

        Assert.Equal(
            new[] { first, second }.Order(StringComparer.Ordinal),
            cleaned.GetProperty("runs").EnumerateArray().Select(run => run.GetString()!).Order(StringComparer.Ordinal)
        );
        Assert.Empty(await RunsAsync());
        Assert.NotNull(await cli.FactsAsync("micro-calm-000000", stop));
        Assert.Empty(await (await cli.OpenStoreAsync(stop)).ListNamesAsync("chaos/", stop).ToListAsync(stop));

        async Task<List<string>> RunsAsync() =>
            [
                .. (await RunDocuments.ListRunsAsync(await cli.OpenStoreAsync(stop), stop).ToListAsync(stop)).Where(run =>
                    run != "micro-calm-000000"
                ),
            ];
    }
}
