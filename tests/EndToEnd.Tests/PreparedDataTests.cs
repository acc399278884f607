using System.Buffers.Binary;
using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Slowrun.EndToEnd.Tests;

/// <summary>From a user's text to a finished run, by the real client: files in every format, token files, specs, training on GPT-2's
/// tokens.</summary>
[Collection(Cli.Training)]
public sealed class PreparedDataTests : IDisposable
{
    private const int Documents = 300;

    private readonly TemporaryStore store = new();
    private readonly TemporaryStore folder = new();
    private readonly Cli cli;

    public PreparedDataTests() => cli = new Cli(store.Path);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        folder.Dispose();
        store.Dispose();
    }

    [Fact]
    public async Task Prepare_OfTheSameTextInEveryFormat_GivesTheSameTokenFiles()
    {
        var texts = Texts();
        await WriteJsonlAsync("a.jsonl", texts);
        await WriteParquetAsync("a.parquet", texts);
        foreach (var (text, i) in texts.Select((text, i) => (text, i)))
        {
            await File.WriteAllTextAsync(In($"plain-{i:0000}.txt"), text, Stop);
        }

        string[] sets = ["--val-tokens", "10000", "--fitness-tokens", "2000"];
        await PrepareAsync("whole", "a.jsonl");
        WriteShard("a.bin", "whole");
        await PrepareAsync("jsonl", "a.jsonl", [.. sets, "--threads", "1"]);
        foreach (var (name, input) in new[] { ("parquet", "a.parquet"), ("bin", "a.bin"), ("plain", "plain-*.txt") })
        {
            await PrepareAsync(name, input, sets);
            foreach (var file in Directory.GetFiles(In("jsonl")).Select(Path.GetFileName).Where(file => file != "manifest.json"))
            {
                Assert.True(
                    Bytes("jsonl", file!).AsSpan().SequenceEqual(Bytes(name, file!)),
                    $"{file} of {input} differs from that of a.jsonl."
                );
            }
        }

        var shown = await cli.JsonAsync("data", "show", In("bin"));
        Assert.Equal(
            Documents,
            shown.GetProperty("sets").EnumerateArray().Sum(set => set.GetProperty("tokens").GetProperty("documents").GetInt32())
        );
        Assert.Contains("document 0: Document 0. ", (await cli.RunAsync("data", "show", In("bin"))).Output, StringComparison.Ordinal);
        var explained = await cli.JsonAsync("spec", "explain", "slowrun-10x", "--data", In("bin"));
        Assert.Equal(Bytes("bin", "train.tokens").Length / sizeof(ushort), explained.GetProperty("trainTokens").GetInt64());
    }

    [Fact]
    public async Task Validate_OfASpecWithFiveErrors_NamesAllFive()
    {
        await File.WriteAllTextAsync(
            In("five.yaml"),
            """
            extends: slowrun-10x
            recipe:
              model: {wdith: 64, heads: many}
              stage:
                batchTokens: 100
                dropout: 1.5
            operations: {keepCheckpoints: 0}
            """,
            Stop
        );

        foreach (var command in new string[][] { ["spec", "validate"], ["run"] })
        {
            var result = await cli.RunAsync([.. command, In("five.yaml")]);

            Assert.Equal(2, result.ExitCode);
            var lines = result.Error.Trim().Split('\n');
            Assert.Equal("slowrun: The spec has 5 problems:", lines[0].Trim());
            Assert.Equal(["3:11", "3:29", "6:14", "7:31", "5:5"], lines[1..].Select(line => line.Split(": ")[0].Split("five.yaml:")[1]));
        }
    }

    [Theory]
    [InlineData(
        "slowrun-10x",
        "model.sequenceLength=32",
        "model.layers=4",
        "model.heads=2",
        "model.width=32",
        "stage.lanes=2",
        "stage.deviceRows=4",
        "stage.loop.start=2",
        "stage.loop.end=3",
        "chains=[{stages: 2, firstStage: {epochs: 1}}]"
    )]
    public async Task Run_OfAPresetMadeSmallOnGpt2Tokens_Succeeds(string preset, params string[] overrides)
    {
        await WriteParquetAsync("a.parquet", Texts().Take(40));
        await PrepareAsync("data", "a.parquet", "--val-tokens", "2048", "--fitness-tokens", "1024", "--train-tokens", "2112");
        string[] common =
        [
            "model.vocabSize=50257",
            "stage.batchTokens=512",
            "stage.epochs=1",
            "operations.checkpointAtLeastEvery=1h",
            "operations.checkpointAtMostEvery=1h",
        ];

        await SucceedsAsync(
            ["run", preset, "--data", In("data"), .. overrides.Concat(common).SelectMany(value => new[] { "--set", value })],
            preset
        );
    }

    /// <summary>Continued stages, perturbed, with members that are selected.</summary>
    [Fact]
    public async Task Run_OfAFileOnTopOfTheSnapshotsPresetOnGpt2Tokens_Succeeds()
    {
        await WriteJsonlAsync("a.jsonl", Texts().Take(40));
        await PrepareAsync("data", "a.jsonl", "--val-tokens", "2048", "--fitness-tokens", "1024", "--train-tokens", "2112");

        await SucceedsAsync(
            [
                "run",
                Path.Combine(AppContext.BaseDirectory, "Specs", "snapshots.yaml"),
                "--data",
                In("data"),
                "--set",
                "model.vocabSize=50257",
                "--set",
                "chains=[{stages: 3}, {stages: 1}]",
                "--set",
                "ensemble.selection.sizes=[2]",
                "--set",
                "operations.checkpointAtLeastEvery=1h",
                "--set",
                "operations.checkpointAtMostEvery=1h",
            ],
            "snapshots"
        );
    }

    private async Task SucceedsAsync(string[] command, string run)
    {
        var result = await cli.RunAsync(command);

        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        var status = await cli.JsonAsync("status", run);
        Assert.Equal("Succeeded", status.GetProperty("state").GetString());
        Assert.All(
            status.GetProperty("stages").EnumerateArray(),
            stage => Assert.InRange(stage.GetProperty("valLossNats").GetDouble(), 5, 12)
        );
    }

    private async Task PrepareAsync(string name, string input, params string[] options)
    {
        var result = await cli.RunAsync(["data", "prepare", "--input", In(input), "--out", In(name), .. options]);
        Assert.True(result.ExitCode == 0, result.Error);
    }

    /// <summary>About 600 kB in several scripts; the same each time.</summary>
    private static string[] Texts()
    {
        string[] words =
        [
            "the",
            "of",
            "Slowrun",
            "token",
            "it's",
            "1024",
            "naïve",
            "дом",
            "вода",
            "文字",
            "🙂",
            "(see",
            "below),",
            "e.g.",
            "\n",
            "\n\n",
            "  indented",
            "end.",
        ];
        var random = new Random(11);
        return
        [
            .. Enumerable
                .Range(0, Documents)
                .Select(i =>
                    $"Document {i}. "
                    + string.Join(' ', Enumerable.Range(0, random.Next(100, 600)).Select(_ => words[random.Next(words.Length)]))
                ),
        ];
    }

    private Task WriteJsonlAsync(string name, IEnumerable<string> texts) =>
        File.WriteAllLinesAsync(
            In(name),
            texts.Select(
                (text, id) =>
                    JsonSerializer.Serialize(
                        new
                        {
                            id,
                            text,
                            url = "",
                        }
                    )
            ),
            Stop
        );

    /// <summary>By Parquet.Net, which shares nothing with the client's reader.</summary>
    private async Task WriteParquetAsync(string name, IEnumerable<string> texts)
    {
        var text = new DataField<string>("text");
        await using var file = File.Create(In(name));
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(text), file, cancellationToken: Stop);
        foreach (var group in texts.Chunk(80))
        {
            using var rows = writer.CreateRowGroup();
            await rows.WriteAsync(text, group);
            rows.CompleteValidate();
        }
    }

    /// <summary>A shard as llm.c writes them, of a prepared directory's training tokens.</summary>
    private void WriteShard(string name, string prepared)
    {
        var tokens = Bytes(prepared, "train.tokens");
        var header = new byte[1024];
        BinaryPrimitives.WriteInt32LittleEndian(header, 20_240_520);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), 1);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), tokens.Length / sizeof(ushort));
        File.WriteAllBytes(In(name), [.. header, .. tokens]);
    }

    private byte[] Bytes(string prepared, string file) => File.ReadAllBytes(Path.Combine(In(prepared), file));

    private string In(string name) => Path.Combine(folder.Path, name);
}
