using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

/// <summary>The client machine's clock is hours off: what is judged by, or written with, times of the store is as with a right
/// one.</summary>
public sealed class WrongClockTests
{
    private const string Stage = "chain0/stage0";

    private readonly CommandLine cli = new();

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Delete_OfWeightsOfAnImport_JudgesTheirAgeByTheStoresClock(int hours)
    {
        await cli.HaveRunAsync();
        var store = await cli.StoreAsync();
        await store.WriteAsync(RunPaths.Snapshot("theirs", new string('a', 64)), new byte[1000], CommandLine.Stop);
        Be(hours);

        Assert.Equal(1, await cli.RunAsync("delete", "theirs"));
        Assert.Matches("the last ones written [0-9.]+ m?s ago", cli.Error);

        cli.Time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(0, await cli.RunAsync("delete", "theirs"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Events_SinceAnAge_CountsItByTheStoresClock(int hours)
    {
        await cli.HaveRunAsync();
        await AppendAsync(30, "older");
        await AppendAsync(10, "newer");
        Be(hours);

        Assert.Equal(0, await cli.RunAsync("events", "micro", "--since", "20m"));

        Assert.Contains("newer", cli.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("older", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Set_IsAnEventOfTheStoresTime(int hours)
    {
        await cli.HaveRunAsync();
        Be(hours);

        Assert.Equal(0, await cli.RunAsync("set", "micro", "keepCheckpoints=3"));

        IsNow((await EventAsync("operations-changed")).At);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Pause_OverADamagedIntent_IsAnEventOfTheStoresTime(int hours)
    {
        await cli.HaveRunAsync();
        Assert.Equal(0, await cli.RunAsync("pause", "micro"));
        var store = await cli.StoreAsync();
        foreach (var name in new[] { RunPaths.Intent("micro"), RunPaths.Intent("micro") + ".copy" })
        {
            await store.WriteAsync(name, "damaged"u8.ToArray(), CommandLine.Stop);
        }

        Be(hours);
        Assert.Equal(0, await cli.RunAsync("pause", "micro"));

        IsNow((await EventAsync("document-replaced")).At);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Repair_OfALostRoot_DatesItByTheStoresClock(int hours)
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", Stage, [3, 2]);
        var (store, id) = (await cli.StoreAsync(), new Core.Plan.StageId(0, 0));
        await store.TryDeleteAsync(RunPaths.Root("micro", id), cancellationToken: CommandLine.Stop);
        Be(hours);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "repair", "micro"));

        IsNow((await new RunDocuments(store, "micro").TryReadRootAsync(id, CommandLine.Stop))!.WrittenAt);
        IsNow((await EventAsync("root-recovered")).At);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Explain_OfAnOwnerThatReports_DoesNotTakeItForSilent(int hours)
    {
        await cli.HaveSilosAsync("gpu-1");
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            Stage,
            CommandLine.Owned(3) with
            {
                Owner = new StageOwner("127.0.0.1:2@0", "gpu-1", ["cpu:0"], CommandLine.Start.AddSeconds(-9)),
            }
        );
        Be(hours);

        Assert.Equal(0, await cli.RunAsync("explain", $"micro/{Stage}", "-o", "json"));

        Assert.Equal("trains", Assert.Single(cli.Json().GetProperty("causes").EnumerateArray()).GetProperty("kind").GetString());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task Goodput_OfAStageWithoutASlot_EndsItsAccountNow(int hours)
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            Stage,
            CommandLine.Begun(3) with
            {
                Ledger = new StageLedger { TrainingSeconds = 90, Until = CommandLine.Start.AddSeconds(-30) },
            }
        );
        Be(hours);

        Assert.Equal(0, await cli.RunAsync("goodput", "micro", "-o", "json"));

        var ledger = cli.Json().GetProperty("stages").GetProperty(Stage);
        Assert.Equal(
            120,
            ledger
                .EnumerateObject()
                .Where(one => one.Name != "totalSeconds" && one.Name.EndsWith("Seconds", StringComparison.Ordinal))
                .Sum(one => one.Value.GetDouble()),
            2.0
        );
    }

    /// <summary>Whole hours off.</summary>
    private void Be(int hours) => cli.WrongTime = new FakeTimeProvider(CommandLine.Start.AddHours(hours));

    /// <summary>Cloud stores tell whole seconds.</summary>
    private static void IsNow(DateTimeOffset at) => Assert.Equal(CommandLine.Start, at, TimeSpan.FromSeconds(2));

    private async Task<RunEvent> EventAsync(string kind) =>
        Assert.Single(
            await new RunEvents(await cli.StoreAsync(), "micro")
                .ListAsync(cancellationToken: CommandLine.Stop)
                .ToArrayAsync(CommandLine.Stop),
            happened => happened.Kind == kind
        );

    private async Task AppendAsync(int minutesAgo, string message) =>
        await new RunEvents(await cli.StoreAsync(), "micro").AppendAsync(
            new RunEvent(CommandLine.Start.AddMinutes(-minutesAgo), "run-seen", null, message),
            CommandLine.Stop
        );
}
