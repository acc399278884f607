using System.Buffers.Binary;
using System.Text;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

/// <summary><c>metrics --to tensorboard</c>, read back by a decoder that shares nothing with the writer.</summary>
public sealed class TensorBoardTests : IDisposable
{
    private const string First = "chain0/stage0";

    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Metrics_ToTensorBoardAndToTheScreen_IsRefused()
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path, "-o", "jsonl"));

        Assert.Contains("give one of them", cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Metrics_ToTensorBoard_HasEveryDurableStep()
    {
        var spec = await cli.HaveRunAsync();
        await cli.HaveCurveAsync(
            "micro",
            First,
            [5.5f, 5.25f, float.NaN],
            change: root => root with { Current = root.Current! with { TrainingSeconds = 30 } }
        );

        Assert.Equal(0, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path));

        Assert.Equal($"{First}: 3 steps added", cli.Output.Trim());
        var events = Read(FileOf(First));
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal([5.5f, 5.25f, float.NaN], Values(events, "loss/train"));
        Assert.Equal([1L, 2, 3], events.Skip(1).Select(happened => happened.Step));
        Assert.Equal([10f, 20, 30], Values(events, "training_seconds"));
        Assert.Equal(spec.Recipe.Stage.BatchTokens * 3, Values(events, "tokens").Last());
        var rate = spec.Recipe.Stage.Optimizer.MatrixLearningRate * spec.Recipe.Stage.Optimizer.LearningRateMultiplier;
        Assert.Equal(rate, Values(events, "learning_rate").First(), 1e-6);
        // Time ends with the checkpoint's and runs back as the training did.
        Assert.Equal(10, events[2].WallTime - events[1].WallTime, 1e-3);
        Assert.True(events[3].WallTime > CommandLine.Start.AddDays(-1).ToUnixTimeSeconds());
    }

    [Fact]
    public async Task Metrics_ToTensorBoardAgain_AddsWhatIsNewAndChangesNothing()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4]);
        await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path);
        var before = await File.ReadAllBytesAsync(FileOf(First), CommandLine.Stop);
        await cli.HaveCurveAsync("micro", First, [5, 4, 3], change: root => root with { EpochToken = 2 });

        Assert.Equal(0, await cli.RunAsync("metrics", $"micro/{First}", "--to", "tensorboard", folder.Path));

        var after = await File.ReadAllBytesAsync(FileOf(First), CommandLine.Stop);
        Assert.Equal(before, after[..before.Length]);
        Assert.Equal([5f, 4, 3], Values(Read(FileOf(First)), "loss/train"));
        Assert.Equal(0, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path));
        Assert.Equal(after, await File.ReadAllBytesAsync(FileOf(First), CommandLine.Stop));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(1_000)]
    public async Task Metrics_ToTensorBoardAfterAWriterDied_CutsItsLastRecordOffAndGoesOn(int lost)
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4]);
        await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path);
        var whole = await File.ReadAllBytesAsync(FileOf(First), CommandLine.Stop);
        // The longest loss leaves a piece of the first record.
        await File.WriteAllBytesAsync(FileOf(First), whole[..Math.Max(5, whole.Length - lost)], CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path));

        Assert.Equal([5f, 4], Values(Read(FileOf(First)), "loss/train"));
        Assert.Equal(whole.Length, new FileInfo(FileOf(First)).Length);
    }

    [Fact]
    public async Task Metrics_ToTensorBoardOfAFinishedStage_HasItsValidationLossOnce()
    {
        var run = await ScoredRun.CreateAsync(cli);
        var snapshot = await run.FinishAsync(First);
        await cli.HaveCurveAsync(ScoredRun.Name, First, [5, 4], steps: 2, change: root => root with { Snapshot = snapshot });
        await cli.RunAsync("metrics", ScoredRun.Name, "--to", "tensorboard", folder.Path);
        Assert.Empty(Values(Read(FileOf(First, ScoredRun.Name)), "loss/validation"));
        await run.ScoreAsync(First);

        await cli.RunAsync("metrics", ScoredRun.Name, "--to", "tensorboard", folder.Path);
        await cli.RunAsync("metrics", ScoredRun.Name, "--to", "tensorboard", folder.Path);

        var events = Read(FileOf(First, ScoredRun.Name));
        var loss = Assert.Single(Values(events, "loss/validation"));
        Assert.Equal(Mixture.LossNats([run.Validation[First]]), loss, 1e-6);
        Assert.Equal(2, events[^1].Step);
    }

    [Fact]
    public async Task Metrics_ToTensorBoardFollowed_AddsUntilTheRunHasEnded()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4]);
        var following = cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path, "--follow");
        await cli.HaveCurveAsync("micro", First, [5, 4, 3], change: root => root with { EpochToken = 2 });
        await new RunDocuments(await cli.StoreAsync(), "micro").ChangeIntentAsync(
            intent => intent with { Run = DesiredState.Cancelled },
            CommandLine.Stop
        );
        while (!following.IsCompleted)
        {
            cli.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(0, await following);
        Assert.Equal([5f, 4, 3], Values(Read(FileOf(First)), "loss/train"));
    }

    [Fact]
    public async Task Metrics_ToTensorBoardWhereAnotherRunsCurveIs_IsRefused()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4]);
        var file = folder.Write("micro/chain0-stage0/events.out.tfevents.slowrun-0123456789ab", "another recipe's");

        Assert.Equal(2, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path));
        Assert.Contains("is another run's curve", cli.Error, StringComparison.Ordinal);
        Assert.Equal([file], Directory.GetFiles(Path.GetDirectoryName(file)!));
    }

    [Fact]
    public async Task Metrics_ToTensorBoardOverWhatIsNoEventFile_IsRefused()
    {
        await cli.HaveRunAsync();
        await cli.HaveCurveAsync("micro", First, [5, 4]);
        await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path);
        var file = FileOf(First);
        await File.WriteAllTextAsync(file, new string('x', 100), CommandLine.Stop);

        Assert.Equal(2, await cli.RunAsync("metrics", "micro", "--to", "tensorboard", folder.Path));
        Assert.Contains("is no file of TensorBoard's events", cli.Error, StringComparison.Ordinal);
        Assert.Equal(new string('x', 100), await File.ReadAllTextAsync(file, CommandLine.Stop));
    }

    [Theory]
    [InlineData("'wandb' is no format", "micro", "--to", "wandb", "x")]
    [InlineData("--to", "micro", "--to", "tensorboard")]
    [InlineData("name it with --to tensorboard DIR", "micro", "--follow")]
    public async Task Metrics_OfAWrongCommandLine_IsAUsageError(string message, params string[] arguments)
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync(["metrics", .. arguments]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    private string FileOf(string stage, string run = "micro") =>
        Assert.Single(Directory.GetFiles(Path.Combine(folder.Path, run, stage.Replace('/', '-'))));

    private static IEnumerable<float> Values(IEnumerable<Event> events, string tag) =>
        events.SelectMany(happened => happened.Values).Where(value => value.Tag == tag).Select(value => value.Value);

    /// <summary>As TensorFlow's record format and event.proto describe it.</summary>
    private static List<Event> Read(string path)
    {
        Assert.Equal(0xE3069283u, Crc32C("123456789"u8));
        var events = new List<Event>();
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < bytes.Length; )
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            var data = bytes.AsSpan(at + 12, length);
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            events.Add(Event.Of(data.ToArray()));
            at += 16 + length;
        }

        return events;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = Crc32C(data);
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    /// <summary>Castagnoli's polynomial, bit by bit.</summary>
    private static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
            }
        }

        return ~crc;
    }

    private sealed record Event(double WallTime, long Step, string? Version, IReadOnlyList<(string Tag, float Value)> Values)
    {
        public static Event Of(byte[] bytes)
        {
            var fields = Fields(bytes);
            return new Event(
                BitConverter.ToDouble(fields.FirstOrDefault(field => field.Number == 1).Content ?? new byte[8]),
                fields.FirstOrDefault(field => field.Number == 2).Varint,
                fields.Where(field => field.Number == 3).Select(field => Encoding.UTF8.GetString(field.Content!)).SingleOrDefault(),
                [
                    .. fields
                        .Where(field => field.Number == 5)
                        .SelectMany(summary => Fields(summary.Content!))
                        .Select(value => Fields(value.Content!))
                        .Select(value => (Encoding.UTF8.GetString(value[0].Content!), BitConverter.ToSingle(value[1].Content!))),
                ]
            );
        }

        private static List<(int Number, long Varint, byte[]? Content)> Fields(byte[] bytes)
        {
            var fields = new List<(int, long, byte[]?)>();
            for (var at = 0; at < bytes.Length; )
            {
                var tag = Varint(bytes, ref at);
                var (number, wire) = ((int)(tag >> 3), tag & 7);
                var varint = wire == 0 ? Varint(bytes, ref at) : 0;
                var length = wire switch
                {
                    0 => 0,
                    1 => 8,
                    2 => (int)Varint(bytes, ref at),
                    5 => 4,
                    _ => throw new InvalidDataException($"Wire type {wire}."),
                };
                fields.Add((number, varint, wire == 0 ? null : bytes[at..(at + length)]));
                at += length;
            }

            return fields;
        }

        private static long Varint(byte[] bytes, ref int at)
        {
            long value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var next = bytes[at++];
                value |= (long)(next & 0x7F) << shift;
                if (next < 0x80)
                {
                    return value;
                }
            }
        }
    }
}
