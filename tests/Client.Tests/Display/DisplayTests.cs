using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Simulation;
using Slowrun.Core.Specs;
using Slowrun.Core.Status;

namespace Slowrun.Client.Tests.Display;

public sealed class DisplayTests : IDisposable
{
    private static readonly RunPlan Plan = new(SpecReader.FromPreset("demo").Recipe);

    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ResultTable_OfAFinishedDemo_ShowsMembersEnsembleAndBaseline()
    {
        cli.Context.Console.Print(ResultTable.Of(Finished, Plan));

        Assert.Matches(@"chain0/stage0 +8 +1\.3100 +2\.0000 +1\.3100 of 1", cli.Output);
        Assert.Matches(@"chain1/stage1 +9 +1\.2900 +2\.0000 +1\.2500 of 4", cli.Output);
        Assert.Matches(@"baseline \(chain2/stage0\) +10 +1\.3046", cli.Output);
        Assert.Contains("ensemble of 4: 1.2500 nats/token, 1.8000 bits/byte", cli.Output, StringComparison.Ordinal);
        Assert.Contains("0.0400 nats better than its best member (chain1/stage1)", cli.Output, StringComparison.Ordinal);
        Assert.Contains("0.0546 nats better than the baseline", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ResultTable_WhenTheEnsembleLoses_SaysSo()
    {
        cli.Context.Console.Print(ResultTable.Of(Finished with { Ensemble = Finished.Ensemble! with { LossNats = 1.32 } }, Plan));

        Assert.Contains("0.0154 nats worse than the baseline", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.9004, "0.0 points")]
    [InlineData(0.9504, "+5.0 points")]
    [InlineData(0.8496, "-5.0 points")]
    [InlineData(0.8996, "0.0 points")]
    public void ReplayText_OfADifference_HasOneSignOrNone(double predicted, string expected)
    {
        cli.Context.Console.Print(ReplayText.Of([new ReplayedFile("kill.json", "tiny", 1, new Replay(100, 100.04, predicted, 0.9))]));

        Assert.Matches($@" 100\.0 s +0\.0 % +\d+\.\d % +90\.0 % +{expected.Replace("+", "\\+", StringComparison.Ordinal)}", cli.Output);
    }

    [Fact]
    public void LossPlot_OfAFinishedDemosEnsemble_IsAPicture()
    {
        var file = Path.Combine(folder.Path, "losses.png");

        LossPlot.SaveEnsemble(Finished, file);

        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(file)[..4]);
    }

    [Fact]
    public async Task PlainProgress_PrintsChangesOnlyAndAStageNowAndThen()
    {
        await using var view = new PlainProgress(cli.Context, Plan);
        view.Show(Training(step: 0));
        view.Show(Training(step: 5));
        Assert.Equal("chain0/stage0: Training, step 0 of 960, training loss 2.5000, 8,000 tokens/s, nothing durable yet\n", cli.Output);

        cli.Time.Advance(TimeSpan.FromSeconds(10));
        view.Show(Training(step: 50));
        Assert.Contains("step 50 of 960", cli.Output, StringComparison.Ordinal);
        Assert.Contains(" left\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PlainProgress_BeforeASpeedIsKnown_ShowsNone()
    {
        await using var view = new PlainProgress(cli.Context, Plan);
        var training = Training(step: 0);

        view.Show(training with { Stages = [training.Stages[0] with { TokensPerSecond = null }] });

        Assert.Equal("chain0/stage0: Training, step 0 of 960, training loss 2.5000, nothing durable yet\n", cli.Output);
    }

    [Fact]
    public async Task PlainProgress_OfARunThatIsFarAlready_CountsWhatIsDone()
    {
        await using var view = new PlainProgress(cli.Context, Plan);
        var done = Enumerable.Range(0, 20).Select(i => Finished.Stages[0] with { Id = new StageId(i + 1, 0) });

        view.Show(Training(step: 0) with { Stages = [.. done, .. Training(step: 0).Stages.Take(1)] });

        Assert.Equal(
            "20 of 21 stages are done\nchain0/stage0: Training, step 0 of 960, training loss 2.5000, 8,000 tokens/s, nothing durable yet\n",
            cli.Output
        );
    }

    [Fact]
    public void Eta_FollowsTheLongestChainAndTheNumberOfSlots()
    {
        // Alone at 1,024 tokens a second: its own 960 steps take 960 s, and then there are four more stages to train.
        var alone = Eta.Of(Training(step: 0, tokensPerSecond: 1024), Plan)!.Value;

        Assert.InRange(alone.TotalSeconds, 5 * 960, 12 * 960);
        Assert.Null(Eta.Of(Finished, Plan));
    }

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(1_500, "1.5 kB")]
    [InlineData(2_000_000_000, "2 GB")]
    public void Bytes_HaveTheUnitThatSuits(long bytes, string text) => Assert.Equal(text, Human.Bytes(bytes));

    [Theory]
    [InlineData(5.9, "5 s")]
    [InlineData(-3, "0 s")]
    [InlineData(125, "2 min 05 s")]
    [InlineData(3_720, "1 h 02 min")]
    [InlineData(200_000, "2 d 7 h")]
    public void Times_HaveTheUnitThatSuits(double seconds, string text) => Assert.Equal(text, Human.Time(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("a,1.5,", "a", 1.5, null)]
    [InlineData("\"a,b\",\"say \"\"no\"\"\"", "a,b", "say \"no\"")]
    [InlineData("\"two\nlines\"", "two\nlines")]
    public void Csv_QuotesWhatItMust(string line, params object?[] values) => Assert.Equal(line, Csv.Line(values));

    private static RunStatus Finished
    {
        get
        {
            double[] losses = [1.31, 1.295, 1.3, 1.29, 1.3046];
            var stages = Plan
                .Stages.Select(
                    (plan, i) =>
                        new StageStatus
                        {
                            Id = plan.Id,
                            Role = plan.Role,
                            State = StageState.Done,
                            Step = 960,
                            Steps = 960,
                            DurableStep = 960,
                            EpochToken = 1,
                            Preemptions = 0,
                            LostSteps = 0,
                            ValLossNats = losses[i],
                            ValBitsPerByte = 2,
                        }
                )
                .ToList();
            return new RunStatus
            {
                Name = "demo",
                State = RunState.Succeeded,
                AsOf = CommandLine.Start,
                Source = StatusSource.Store,
                Stages = stages,
                Ensemble = new EnsembleStatus(4, 1.25, 1.8, [.. stages.Take(4).Select(stage => stage.Id)], [1.31, 1.27, 1.26, 1.25]),
            };
        }
    }

    private static RunStatus Training(int step, double tokensPerSecond = 8_000)
    {
        var stages = Finished.Stages.Select(
            (stage, i) =>
                stage with
                {
                    State = i == 0 ? StageState.Training : StageState.Waiting,
                    Step = i == 0 ? step : 0,
                    DurableStep = 0,
                    ValLossNats = null,
                    TrainLossNats = i == 0 ? 2.5 : null,
                    TokensPerSecond = i == 0 ? tokensPerSecond : null,
                }
        );
        return Finished with { State = RunState.Running, Ensemble = null, Stages = [.. stages] };
    }
}
