using Slowrun.Core.Ledger;
using Slowrun.Core.Stages;

namespace Slowrun.Client.Tests.Commands;

public sealed class GoodputCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Goodput_OfARunThatLostMachines_ShowsEveryAccountAndWhatCouldHaveBeenHad()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            "chain0/stage0",
            CommandLine.Begun(3) with
            {
                Preemptions = 2,
                LostSilos = ["silo-x"],
                LostSteps = 4,
                Ledger = new StageLedger
                {
                    TrainingSeconds = 90,
                    LostSeconds = 6,
                    RestoreSeconds = 2,
                    StallSeconds = 1,
                    DownSeconds = 1,
                    Until = CommandLine.Start,
                },
                Current = CommandLine.Begun(3).Current! with { Pace = new CheckpointPace(0.02, 0.1, 1.5) },
            }
        );

        Assert.Equal(0, await cli.RunAsync("goodput", "micro"));

        Assert.Contains("2 machines lost (2 stage preemptions), 4 steps lost", cli.Output, StringComparison.Ordinal);
        Assert.Contains("90.0 s", cli.Output, StringComparison.Ordinal);
        // The headline's goodput is the share of the line "training", whatever else took time.
        Assert.Matches(@"training\s+90\.0 s\s+90\.0 %", cli.Output);
        Assert.Matches(@"held\s+[\d.]+ s\s+-\s", cli.Output);
        Assert.Contains("M = 49.5 s owned for each loss, δ = 20.0 ms for a checkpoint", cli.Output, StringComparison.Ordinal);
        Assert.Contains(DalyOptimum.Formula, cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Goodput_AsJson_HasTheRunsSumsAndEachStages()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("goodput", "micro", "-o", "json"));

        var report = cli.Json();
        Assert.Equal(1, report.GetProperty("run").GetProperty("chainCount").GetInt32());
        Assert.Equal(0, report.GetProperty("run").GetProperty("chains").GetProperty("trainingSeconds").GetDouble());
        Assert.True(report.GetProperty("stages").TryGetProperty("chain0/stage1", out _));
    }

    [Fact]
    public async Task Goodput_OfNoRun_SaysSo() => Assert.Equal(3, await cli.RunAsync("goodput", "nothing"));
}
