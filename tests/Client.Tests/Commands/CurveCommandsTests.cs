using System.Text.Json;
using Slowrun.Core.Stages;

namespace Slowrun.Client.Tests.Commands;

/// <summary><c>metrics</c> and <c>plot</c>: what is made of the loss curves that checkpoints hold.</summary>
public sealed class CurveCommandsTests : IDisposable
{
    private const string First = "chain0/stage0",
        Second = "chain0/stage1";

    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Metrics_AsCsv_HasARowForEachDurableStep()
    {
        var spec = await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5.5f, 5.25f, float.NaN]);

        Assert.Equal(0, await cli.RunAsync("metrics", "micro"));

        var lines = cli.Output.TrimEnd().Split('\n');
        var tokens = spec.Recipe.Stage.BatchTokens;
        Assert.Equal("stage,step,tokens,dataEpoch,trainLossNats,learningRateFactor,valLossNats,learningRate,trainingSeconds", lines[0]);
        Assert.Equal(4, lines.Length);
        Assert.StartsWith($"chain0/stage0,1,{tokens},", lines[1], StringComparison.Ordinal);
        Assert.Equal(["5.5", "5.25", ""], lines[1..].Select(line => line.Split(',')[4]));
    }

    [Fact]
    public async Task Metrics_AfterStepsWereTrainedAgain_NeverGoesBack()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4, 9, 9]);
        // A later owner went on from step 2 and has committed step 3 so far.
        await cli.HaveCurveAsync("micro", First, [5, 4, 3], change: root => root with { EpochToken = 2, LostSteps = 2 });

        Assert.Equal(0, await cli.RunAsync("metrics", $"micro/{First}", "-o", "jsonl"));

        var rows = cli.Output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal([1, 2, 3], rows.Select(row => row.GetProperty("step").GetInt32()));
        Assert.Equal([5, 4, 3], rows.Select(row => row.GetProperty("trainLossNats").GetDouble()));
    }

    [Fact]
    public async Task Metrics_WithADamagedCheckpoint_PrintsTheOthersAndFails()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", First, CommandLine.Begun(3));
        await cli.HaveCurveAsync("micro", Second, [5]);

        Assert.Equal(1, await cli.RunAsync("metrics", "micro"));
        Assert.Contains("chain0/stage0 is left out: The manifest 'manifest' is missing.", cli.Error, StringComparison.Ordinal);
        Assert.Contains("chain0/stage1,1,", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plot_OfARunUnderWay_IsAPicture()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync(
            "micro",
            First,
            [5.5f, 5.25f, 5],
            change: root => root with { Snapshot = new SnapshotRef("s", "hash0", 8, CommandLine.Start) }
        );
        await cli.HaveCurveAsync("micro", Second, [5.4f, float.PositiveInfinity]);
        var file = Path.Combine(folder.Path, "loss.png");

        Assert.Equal(0, await cli.RunAsync("plot", "micro", "-o", file));

        Assert.Equal(file, cli.Output.Trim());
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], (await File.ReadAllBytesAsync(file, CommandLine.Stop))[..4]);
    }

    [Theory]
    [InlineData(1, "Nothing of 'micro' is durable yet", "loss.png")]
    [InlineData(2, "expected one that ends with .png", "loss.jpg")]
    public async Task Plot_OfWhatCannotBeDrawn_SaysWhy(int exitCode, string message, string file)
    {
        await cli.HaveRunAsync();

        Assert.Equal(exitCode, await cli.RunAsync("plot", "micro", "-o", Path.Combine(folder.Path, file)));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task Lineage_NamesTeachersAndSnapshotsByHash()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync(
            "micro",
            First,
            CommandLine.Begun(8) with
            {
                Snapshot = new SnapshotRef("s", "0123456789abcdef", 8, CommandLine.Start),
            }
        );
        await cli.HaveRootAsync(
            "micro",
            Second,
            CommandLine.Begun(3) with
            {
                Identity = new StageIdentity
                {
                    RecipeSha256 = "r",
                    DataSha256 = "d",
                    TeacherSha256 = "fedcba9876543210",
                    EngineRevision = 1,
                    NumericsFingerprint = "f",
                },
            }
        );

        Assert.Equal(0, await cli.RunAsync("lineage", "micro"));
        Assert.Matches(@"stage0: fresh weights, seed \d+ → 0123456789ab", cli.Output);
        Assert.Contains(
            "taught by stage0 (fedcba987654) → Ready; its teacher has another snapshot now",
            cli.Output,
            StringComparison.Ordinal
        );

        Assert.Equal(0, await cli.RunAsync("lineage", "micro", "-o", "json"));
        var stages = cli.Json().GetProperty("stages");
        Assert.Equal(JsonValueKind.Null, stages[0].GetProperty("teacher").ValueKind);
        Assert.Equal(
            (First, "fedcba9876543210"),
            (
                stages[1].GetProperty("teacher").GetProperty("stage").GetString(),
                stages[1].GetProperty("teacher").GetProperty("sha256").GetString()
            )
        );
    }

    [Fact]
    public async Task Lineage_OfAStageThatAllEarlierTaught_NamesEachOfThem()
    {
        await cli.HaveRunAsync("micro", "chains=[{stages: 3}]", "stage.distillation.teacher=AllEarlier");
        foreach (var (stage, hash) in new[] { (First, "0123456789abcdef"), (Second, "aaaabbbbccccdddd") })
        {
            await cli.HaveRootAsync(
                "micro",
                stage,
                CommandLine.Begun(8) with
                {
                    Snapshot = new SnapshotRef("s", hash, 8, CommandLine.Start),
                }
            );
        }

        Assert.Equal(0, await cli.RunAsync("lineage", "micro"));
        Assert.Matches(
            @"stage2: fresh weights, seed \d+, taught by the mean of stage0 \(0123456789ab\), stage1 \(aaaabbbbcccc\) → Ready",
            cli.Output
        );

        Assert.Equal(0, await cli.RunAsync("lineage", "micro", "-o", "json"));
        Assert.Equal(
            [First, Second],
            cli.Json()
                .GetProperty("stages")[2]
                .GetProperty("earlierTeachers")
                .EnumerateArray()
                .Select(one => one.GetProperty("stage").GetString())
        );
    }
}
