using Slowrun.Client.Display;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Client.Tests.Display;

public sealed class StatusScreenTests
{
    private readonly CommandLine cli = new();

    [Theory]
    [InlineData(80, 24)]
    [InlineData(160, 50)]
    public void Of_ThirtyChainsOfSixteenStages_FitsTheTerminalAndSaysWhatGoesOn(int width, int height)
    {
        var lines = Lines(View(Large) with { Width = width, Height = height });

        Assert.All(lines, line => Assert.InRange(line.Length, 0, width));
        Assert.InRange(lines.Count, 1, height - 1);
        Assert.Contains(
            lines,
            line => line.StartsWith("chain0 ", StringComparison.Ordinal) && line.Contains("✓   ✓ 45%   ·", StringComparison.Ordinal)
        );
        Assert.Contains(
            lines,
            line => line.StartsWith("chain3 to 29 ", StringComparison.Ordinal) && line.Contains("○   ·   ·", StringComparison.Ordinal)
        );
        Assert.Contains("✓ 4 Done  ▸ 2 Training  ○ 27 Ready  · 446 Waiting  ✗ 1 Failed", lines.Select(line => line.TrimEnd()));
        Assert.Contains(lines, line => line.StartsWith("chain0/stage2 45/100 2.5000 1,000 40, 4 s gpu-1", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("chain2/stage0 failed: The loss is not a number.", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Waits for a free slot. (26 more are Ready)", StringComparison.Ordinal));
        Assert.Contains(
            lines,
            line => line.StartsWith("Members: 4 scored, 3.1000 to 3.4000 nats/token; best chain0/stage1", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Of_MoreChainsThanFit_KeepsThoseInWhichSomethingGoesOn()
    {
        // Every chain is in another state than its neighbours, so that none share a row; the last one trains.
        var stages = Enumerable
            .Range(0, 40)
            .SelectMany(chain =>
                Enumerable
                    .Range(0, 2)
                    .Select(stage =>
                        Stage(chain, stage) with
                        {
                            State =
                                chain == 39 && stage == 0 ? StageState.Training
                                : (chain + stage) % 2 == 0 ? StageState.Ready
                                : StageState.Waiting,
                        }
                    )
            );

        var lines = Lines(View(Run(stages)) with { Height = 24 });

        Assert.InRange(lines.Count, 1, 23);
        Assert.Contains(lines, line => line.StartsWith("chain39 ", StringComparison.Ordinal));
        Assert.Contains(
            lines,
            line => line.StartsWith("… and ", StringComparison.Ordinal) && line.Contains("more chains: ", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Of_AChainOfHundredsOfStages_BreaksItIntoLines()
    {
        var lines = Lines(View(Run(Enumerable.Range(0, 200).Select(stage => Stage(0, stage)))));

        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.Equal(
            200,
            lines.Where(line => line.Contains("···", StringComparison.Ordinal)).Sum(line => line.Count(letter => letter == '·'))
        );
    }

    [Fact]
    public void Of_ATerminalWithoutUnicode_UsesLetters()
    {
        var lines = Lines(View(Large) with { Unicode = false });

        Assert.Contains(
            lines,
            line => line.StartsWith("chain0 ", StringComparison.Ordinal) && line.Contains("D   D 45%   .", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Of_AFewStages_HasALineEachAndWhoTrainsThem()
    {
        var run = Run([Training(0, 0), Stage(0, 1)]) with
        {
            Ensemble = new EnsembleStatus(3, 1.2, 1.8, [new(0, 0), new(0, 1), new(0, 2)], [1.4, 1.3, 1.2]),
            Ledger = new RunLedger
            {
                Chains = new StageLedger
                {
                    TrainingSeconds = 90,
                    LostSeconds = 8,
                    RestoreSeconds = 2,
                },
                WallSeconds = 100,
                ChainCount = 1,
                Preemptions = 1,
                MachinesLost = 1,
                LostSteps = 12,
                Takes = 2,
            },
        };
        var silos = new[] { Silo("127.0.0.1:2@0", "gpu-1"), Silo("127.0.0.1:3@0", "spare") };

        var text = string.Join(
            ' ',
            string.Join(' ', Lines(View(run) with { Silos = silos })).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        );

        Assert.Contains("chain0/stage0 Training 45/100 2.5000 1,000 40, 4 s", text, StringComparison.Ordinal);
        Assert.Contains("Ensemble of the first 1: 1.4000 · 2: 1.3000 · 3: 1.2000 nats/token", text, StringComparison.Ordinal);
        Assert.Contains(
            "Goodput 90.0 %: 1 min 30 s training, 8 s lost, 2 s restore; 1 machine lost, and at least 12 steps with it",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains("2 silos: gpu-1 chain0/stage0 on cpu:0; spare nothing of this run", text, StringComparison.Ordinal);
        Assert.DoesNotContain("slowrun explain", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_AStageOnADevice_HasItsMemoryAndUtilization()
    {
        var run = Run(
            [
                Training(0, 0) with
                {
                    Devices =
                    [
                        new DeviceUse("cuda:0", 41_000_000_000, 85_500_000_000, 0.93),
                        new DeviceUse("cuda:1", 1_000_000_000, 80_000_000_000, null),
                    ],
                },
            ]
        );

        Assert.Contains(
            Lines(View(run)),
            line => line.Contains("Devices: gpu-1 cuda:0 41 GB of 85.5 GB, 93.0 % busy, cuda:1 1 GB of 80 GB", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(Lines(View(Run([Training(0, 0)]))), line => line.Contains("Devices", StringComparison.Ordinal));
    }

    [Fact]
    public void Of_SilosThatReportTheirLoad_HasItForEverySlot()
    {
        var now = DateTimeOffset.UnixEpoch;
        var view = View(Run([Training(0, 0)])) with
        {
            Silos =
            [
                new LiveSilo("one", "box", true, null, now) { Slots = ["cuda:0", "cuda:1", "cpu:0"] },
                new LiveSilo("two", "away", true, null, now) { Slots = ["cpu:0"] },
            ],
            Reports =
            [
                new SiloReport("one", "box", 3, [])
                {
                    Devices = [new DeviceUse("cuda:0", 41_000_000_000, 85_500_000_000, 0.93)],
                    Processors = new ProcessorUse(0.5, 2, 1_100_000_000, 8_000_000_000),
                },
            ],
        };

        var text = string.Join(' ', string.Join(' ', Lines(view)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

        Assert.Contains(
            "Load: box cuda:0 41 GB of 85.5 GB, 93.0 % busy, cuda:1 not known, cpu:0 1.1 GB of 8 GB, 50.0 % of 2 processors; "
                + "away cpu:0 not known",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Of_StagesThatWaitForTheSame_SaysItOnce()
    {
        var lines = Lines(
            View(
                Run(
                    [
                        .. Enumerable
                            .Range(0, 3)
                            .Select(chain => Stage(chain, 0) with { State = StageState.Ready, Waits = "Waits for a silo." }),
                    ]
                )
            )
        );

        Assert.Single(
            lines,
            line => line.StartsWith("chain0/stage0, chain1/stage0, chain2/stage0: Waits for a silo.", StringComparison.Ordinal)
        );
        Assert.Contains(lines, line => line.Contains("'slowrun explain large'", StringComparison.Ordinal));
    }

    private static RunStatus Large
    {
        get
        {
            var stages = Enumerable
                .Range(0, 30)
                .SelectMany(chain =>
                    Enumerable
                        .Range(0, 16)
                        .Select(stage =>
                            (chain, stage) switch
                            {
                                (0 or 1, 0 or 1) => Stage(chain, stage) with
                                {
                                    State = StageState.Done,
                                    ValLossNats = 3.4 - (0.3 * stage) + (0.1 * chain * stage),
                                },
                                (0 or 1, 2) => Training(chain, stage),
                                (2, 0) => Stage(chain, stage) with
                                {
                                    State = StageState.Failed,
                                    Failure = "The loss is not a number. Lower the rate.",
                                },
                                (_, 0) => Stage(chain, stage) with { State = StageState.Ready, Waits = "Waits for a free slot." },
                                _ => Stage(chain, stage),
                            }
                        )
                );
            return Run(stages);
        }
    }

    private static RunStatus Run(IEnumerable<StageStatus> stages) =>
        new()
        {
            Name = "large",
            State = RunState.Running,
            AsOf = CommandLine.Start,
            Source = StatusSource.Cluster,
            Stages = [.. stages],
        };

    private static StageStatus Stage(int chain, int stage) =>
        new()
        {
            Id = new StageId(chain, stage),
            Role = ChainRole.Members,
            State = StageState.Waiting,
            Step = 0,
            Steps = 100,
            DurableStep = 0,
            EpochToken = 0,
            Preemptions = 0,
            LostSteps = 0,
        };

    private static StageStatus Training(int chain, int stage) =>
        Stage(chain, stage) with
        {
            State = StageState.Training,
            Step = 45,
            DurableStep = 40,
            DurableAgeSeconds = 4,
            TrainLossNats = 2.5,
            TokensPerSecond = 1000,
            Owner = new StageOwner("127.0.0.1:2@0", "gpu-1", ["cpu:0"], CommandLine.Start),
        };

    private static LiveSilo Silo(string address, string name) => new(address, name, true, null, CommandLine.Start);

    private static StatusView View(RunStatus status) => new(status, CommandLine.Start) { Width = 80 };

    private IReadOnlyList<string> Lines(StatusView view)
    {
        var context = cli.Context;
        context.Console.Profile.Width = view.Width;
        context.Console.Profile.Capabilities.ColorSystem = Spectre.Console.ColorSystem.NoColors;
        return context.Console.Lines(StatusScreen.Of(view));
    }
}
