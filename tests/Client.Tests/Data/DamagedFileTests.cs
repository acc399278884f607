using System.Text;
using Slowrun.Data.Tests;

namespace Slowrun.Client.Tests.Data;

/// <summary>A file that is damaged anywhere ends the preparation, with --skip-bad too: that is for rows.</summary>
public sealed class DamagedFileTests : IDisposable
{
    private readonly PrepareRunner runner = new();

    public void Dispose() => runner.Dispose();

    [Fact]
    public async Task Prepare_OfADamagedSecondMember_EndsWithItsPlace()
    {
        await runner.FailsAsync(
            1,
            "Its 1 gzip members end at byte 586",
            "--input",
            PrepareRunner.Case("second-member-damaged.jsonl.gz"),
            "--tokenizer",
            "bytes",
            "--skip-bad"
        );
        Assert.Contains("second-member-damaged.jsonl.gz' cannot be read to its end", runner.Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_OfZstdThatBeginsWithASkippableFrame_ReadsIt()
    {
        var prepared = await runner.PrepareAsync("--input", PrepareRunner.Case("pzstd.jsonl.zst"), "--tokenizer", "bytes");

        Assert.Equal(200, prepared.GetProperty("manifest").GetProperty("train").GetProperty("documents").GetInt32());
    }

    [Fact]
    public async Task Prepare_OfWholeGzipFiles_ReadsThem()
    {
        var jsonl = SampleFiles.Jsonl(SampleFiles.Documents(200, 3));
        byte[] one = SampleFiles.Gzip(jsonl[..5_000]),
            two = SampleFiles.Gzip(jsonl[5_000..]),
            none = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[] stored = SampleFiles.Gzip([]);
        byte[] named = [.. one[..3], 0x1F, .. one[4..10], 3, 0, 1, 2, 3, .. "name\0"u8, .. "comment\0"u8, 9, 9, .. one[10..]];
        var expected = await TrainAsync("plain.jsonl", jsonl);

        Assert.Equal(expected, await TrainAsync("two.jsonl.gz", [.. one, .. two]));
        Assert.Equal(expected, await TrainAsync("empty.jsonl.gz", [.. none, .. one, .. none, .. stored, .. two, .. none]));
        Assert.Equal(expected, await TrainAsync("padded.jsonl.gz", [.. one, .. two, .. new byte[200_000]]));
        Assert.Equal(expected, await TrainAsync("fields.jsonl.gz", [.. named, .. two]));
        Assert.Equal(expected, await TrainAsync("many.jsonl.gz", [.. jsonl.Chunk(700).SelectMany(SampleFiles.Gzip)]));
        Assert.Equal(
            expected,
            await TrainAsync(
                "frames.jsonl.zst",
                [.. SampleFiles.Zstd(jsonl[..5_000]), 0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3, .. SampleFiles.Zstd(jsonl[5_000..])]
            )
        );
    }

    [Fact]
    public async Task Prepare_OfDamagedCompressedFiles_SaysSo()
    {
        var jsonl = SampleFiles.Jsonl(SampleFiles.Documents(200, 3));
        byte[] gzip = SampleFiles.Gzip(jsonl),
            zstd = SampleFiles.Zstd(jsonl);
        foreach (
            var (name, content, message) in new (string, byte[], string)[]
            {
                ("garbage.jsonl.gz", [.. gzip, 1], "what follows is no gzip member"),
                ("after-zeros.jsonl.gz", [.. gzip, .. new byte[99], 1], "with what is no zero"),
                ("member-after-zeros.jsonl.gz", [.. gzip, 0, .. gzip], "with what is no zero"),
                ("cut.jsonl.gz", [.. gzip, .. gzip[..^5]], "gzip member 2 is cut off"),
                ("cut-header.jsonl.gz", [.. gzip, .. gzip[..5]], "gzip member 2 is cut off within its header"),
                ("cut-data.jsonl.gz", [.. gzip, .. gzip[..500]], "gzip member 2 is cut off"),
                (
                    "sum.jsonl.gz",
                    [.. gzip[..^8], (byte)(gzip[^8] ^ 1), .. gzip[^7..], .. gzip],
                    "gzip member 1 is damaged: its checksum is another"
                ),
                ("length.jsonl.gz", [.. gzip[..^1], (byte)(gzip[^1] ^ 1)], "gzip member 1 is"),
                ("garbage.jsonl.zst", [.. zstd, 1, 2, 3, 4, 5, 6, 7, 8, 9], "damaged or cut off"),
                ("byte.jsonl.zst", [.. zstd, 1], "damaged or cut off"),
                ("cut.jsonl.zst", [.. zstd, .. zstd[..^3]], "damaged or cut off"),
                ("sum.jsonl.zst", [.. zstd, .. zstd[..^1], (byte)(zstd[^1] ^ 1)], "damaged or cut off"),
                ("skippable-cut.jsonl.zst", [.. zstd, 0x50, 0x2A, 0x4D, 0x18, 9, 0, 0, 0, 1], "damaged or cut off"),
                ("plain.jsonl.gz", jsonl, "does not begin as gzip does"),
                ("plain.txt.zst", jsonl, "does not begin as zstd does"),
                ("empty.jsonl.gz", [], "is empty"),
                ("other.jsonl.gz", zstd, "is called gzip, and is zstd"),
                ("twice.jsonl.gz", SampleFiles.Gzip(gzip), "holds gzip within gzip"),
                ("bz2.txt", "BZh91AY&SY\x01"u8.ToArray(), "is bzip2, by its first bytes, which is not supported"),
                ("xz.jsonl", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 1], "is xz, by its first bytes, which is not supported"),
                ("zip.jsonl", "PK\x03\x04more"u8.ToArray(), "is a zip archive"),
                ("utf16.txt", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("text")).ToArray(), "is UTF-16 text"),
            }
        )
        {
            await runner.FailsAsync(1, message, "--input", runner.Write(name, content), "--tokenizer", "bytes", "--skip-bad");
            Assert.Contains($"'{runner.In(name)}'", runner.Cli.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Prepare_WhenAFileHasOnlyBadRows_SaysSo()
    {
        runner.Write("a.jsonl", "no\nneither\n");
        runner.Write("b.jsonl", SampleFiles.Jsonl(["text"]));

        await runner.PrepareAsync("--input", runner.In("*.jsonl"), "--tokenizer", "bytes", "--skip-bad");

        Assert.Contains("a.jsonl' gave no document: all that it has, 2 rows, was left out.", runner.Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_OfGzipFromStandardInput_IsAsStrict()
    {
        var content = SampleFiles.Gzip(SampleFiles.Jsonl(["one"]));
        var context = runner.Cli.Context with { Input = () => new MemoryStream([.. content, 7]) };

        Assert.Equal(
            1,
            await Client.Commands.SlowrunCommand.RunAsync(
                ["data", "prepare", "--input", "-", "--format", "jsonl", "--out", runner.Out],
                context,
                CommandLine.Stop
            )
        );
        Assert.Contains("what follows is no gzip member", runner.Cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Parquet.CompressionMethod.None)]
    [InlineData(Parquet.CompressionMethod.Gzip)]
    [InlineData(Parquet.CompressionMethod.Zstd)]
    [InlineData(Parquet.CompressionMethod.Brotli)]
    public async Task Prepare_OfCompressedParquet_ReadsIt(Parquet.CompressionMethod compression)
    {
        var path = runner.Write("a.parquet", await SampleFiles.ParquetAsync(["one", "two"], compression: compression));

        await runner.PrepareAsync("--input", path, "--tokenizer", "bytes");

        Assert.Equal("<one<two", runner.Letters("train"));
    }

    [Fact]
    public async Task Prepare_OfAFieldOfAStruct_ReadsIt()
    {
        var prepared = await runner.PrepareAsync(
            "--input",
            PrepareRunner.Case("dd-struct.parquet"),
            "--field",
            "data.text",
            "--tokenizer",
            "bytes"
        );

        Assert.Equal(3_000, prepared.GetProperty("manifest").GetProperty("train").GetProperty("documents").GetInt32());
    }

    private async Task<string> TrainAsync(string name, byte[] content) =>
        (await runner.PrepareAsync("--input", runner.Write(name, content), "--tokenizer", "bytes"))
            .GetProperty("manifest")
            .GetProperty("train")
            .ToString();
}
