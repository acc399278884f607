using System.Text.Json;
using Slowrun.Client.Cli;
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
    public async Task Status_OfAStageThatWaitedForASlot_SaysForHowLongOutsideTheShare()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            "chain0/stage0",
            CommandLine.Begun(3) with
            {
                Ledger = new StageLedger
                {
                    TrainingSeconds = 90,
                    RestoreSeconds = 10,
                    SlotSeconds = 75,
                    Until = CommandLine.Start,
                },
            }
        );

        Assert.Equal(0, await cli.RunAsync("status", "micro"));

        Assert.Contains(
            "Goodput 90.0 %: 1 min 30 s training, 10 s restore, 1 min 15 s without a slot",
            string.Join(' ', cli.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal
        );
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
    public async Task Goodput_WithAPrice_ShowsTheCost()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", "chain0/stage0", Trained(3600));

        Assert.Equal(0, await cli.RunAsync("goodput", "micro", "--price", "2.5"));
        Assert.Contains("Cost: 2.50 so far (1 h 00 min of machines at 2.50 an hour: --price).", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("status", "micro", "--price", "2.5"));
        Assert.Contains("Cost: 2.50 so far", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("status", "micro", "--size", "Standard_NC40ads_H100_v5", "--on-demand", "-o", "json"));
        var cost = cli.Json().GetProperty("cost");
        Assert.Equal(6.98, cost.GetProperty("soFar").GetDouble(), 1e-9);
        Assert.Contains("Azure list price", cost.GetProperty("priceFrom").GetString(), StringComparison.Ordinal);

        // A machine of eight devices trains eight stages.
        Assert.Equal(0, await cli.RunAsync("goodput", "micro", "--size", "Standard_ND96isr_H100_v5", "--on-demand", "-o", "json"));
        Assert.Equal(98.32 / 8, cli.Json().GetProperty("cost").GetProperty("soFar").GetDouble(), 1e-9);
    }

    [Fact]
    public async Task Goodput_WithoutAPrice_ShowsNoCostAndTellsProgramsWhy()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("goodput", "micro"));
        Assert.DoesNotContain("Cost", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("goodput", "micro", "-o", "json"));
        var cost = cli.Json().GetProperty("cost");
        Assert.Equal(JsonValueKind.Null, cost.GetProperty("soFar").ValueKind);
        Assert.Contains("give --price N", cost.GetProperty("unknown").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "--on-demand says nothing by itself", "--on-demand")]
    [InlineData(ExitCode.Usage, "--machines says nothing by itself", "--machines", "/nowhere.yaml")]
    [InlineData(ExitCode.Usage, "--stages-per-machine says nothing by itself", "--stages-per-machine", "2")]
    [InlineData(ExitCode.Usage, "expected 1 to 64", "--price", "1", "--stages-per-machine", "0")]
    [InlineData(ExitCode.Usage, "0 or more", "--price", "-1")]
    [InlineData(ExitCode.NoSuchThing, "Standard_NC40ads_H100_v5", "--size", "Standard_X")]
    [InlineData(ExitCode.NoSuchThing, "there is no file '/nowhere.yaml'", "--size", "Standard_X", "--machines", "/nowhere.yaml")]
    public async Task Goodput_WithPricesThatSayNothing_SaysWhatIsExpected(int exitCode, string message, params string[] options)
    {
        await cli.HaveRunAsync();

        Assert.Equal(exitCode, await cli.RunAsync(["goodput", "micro", .. options]));

        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_WithAPrice_HasTheRunsCostsSideBySide()
    {
        await cli.HaveRunAsync();
        await cli.HaveRunAsync("other");
        await cli.HaveRootAsync("micro", "chain0/stage0", Trained(3600));
        await cli.HaveRootAsync("other", "chain0/stage0", Trained(7200));

        Assert.Equal(0, await cli.RunAsync("compare", "micro", "other", "--price", "2.5"));
        Assert.Matches(@"cost so far +2\.50 +5\.00", cli.Output);
        Assert.Matches(@"machine hours +1\.00 +2\.00", cli.Output);

        Assert.Equal(0, await cli.RunAsync("compare", "micro", "other"));
        Assert.DoesNotContain("cost", cli.Output, StringComparison.Ordinal);
    }

    private static StageRoot Trained(double seconds) =>
        CommandLine.Begun(3) with
        {
            Ledger = new StageLedger { TrainingSeconds = seconds, Until = CommandLine.Start },
        };

    [Fact]
    public async Task Goodput_OfNoRun_SaysSo() => Assert.Equal(3, await cli.RunAsync("goodput", "nothing"));
}
