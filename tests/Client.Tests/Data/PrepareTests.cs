using System.Text;
using Slowrun.Data.Tests;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Data;

/// <summary><c>data prepare</c> of sound files.</summary>
public sealed class PrepareTests : DataCommandTests
{
    [Theory]
    [InlineData("gpt2")]
    [InlineData("bytes")]
    public async Task Prepare_OfTheSameDocumentsInEveryFormat_GivesTheSameTokenFiles(string tokenizer)
    {
        var documents = SampleFiles.Documents(300, 1);
        var jsonl = SampleFiles.Jsonl(documents);
        var parquet = await SampleFiles.ParquetAsync(documents);
        Write("a.jsonl", jsonl);
        Write("a.parquet", parquet);
        Write("plain.parquet", await SampleFiles.ParquetAsync(documents, 1_000, Parquet.CompressionMethod.None));
        Write("a.jsonl.gz", SampleFiles.Gzip(jsonl));
        // Two halves one after the other are one gzip file.
        Write("halves.jsonl.gz", [.. SampleFiles.Gzip(jsonl[..1_000]), .. SampleFiles.Gzip(jsonl[1_000..])]);
        Write("a.jsonl.zst", SampleFiles.Zstd(jsonl));
        Write("a.parquet.zst", SampleFiles.Zstd(parquet));
        foreach (var (document, i) in documents.Select((document, i) => (document, i)))
        {
            Write($"text/{i:0000}.txt", Encoding.UTF8.GetBytes(document));
        }

        var inputs = new List<string>
        {
            "a.parquet",
            "plain.parquet",
            "a.jsonl.gz",
            "halves.jsonl.gz",
            "a.jsonl.zst",
            "a.parquet.zst",
            "te?t/*.txt",
        };
        if (tokenizer == "gpt2")
        {
            Write("a.bin", SampleFiles.Bin(documents, new Gpt2Tokenizer()));
            inputs.Add("a.bin");
        }

        var expected = await PrepareAsync("a.jsonl", "--tokenizer", tokenizer, "--val-tokens", "5000", "--fitness-tokens", "700");
        Assert.Equal((5000, 700), (expected["validation.tokens"].Length / 2, expected["fitness.tokens"].Length / 2));
        foreach (var input in inputs)
        {
            var found = await PrepareAsync(input, "--tokenizer", tokenizer, "--val-tokens", "5000", "--fitness-tokens", "700");
            Assert.Equal(expected.Keys, found.Keys);
            Assert.All(
                expected.Where(file => file.Key != "manifest.json"),
                file => Assert.True(file.Value.AsSpan().SequenceEqual(found[file.Key]), $"{input}: {file.Key}")
            );
        }
    }

    [Fact]
    public async Task Prepare_AgainWithAnotherNumberOfThreads_GivesTheSameBytes()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(3_000, 2)));

        var one = await PrepareAsync("a.jsonl", "--threads", "1", "--val-tokens", "100000", "--train-tokens", "300000");
        var two = await PrepareAsync("a.jsonl", "--threads", "2", "--val-tokens", "100000", "--train-tokens", "300000");
        var five = await PrepareAsync("a.jsonl", "--threads", "5", "--val-tokens", "100000", "--train-tokens", "300000");

        Assert.All(
            one,
            file =>
                Assert.True(file.Value.AsSpan().SequenceEqual(two[file.Key]) && file.Value.AsSpan().SequenceEqual(five[file.Key]), file.Key)
        );
    }

    [Fact]
    public async Task Prepare_OfOneLongText_TokenizesItAsOneDocument()
    {
        var text = SampleFiles.Text(new Random(4), 900_000);
        Assert.True(Encoding.UTF8.GetByteCount(text) > 3 << 20);
        Write("long.txt", Encoding.UTF8.GetBytes("\uFEFF" + text));

        var files = await PrepareAsync("long.txt");

        var ids = new System.Buffers.ArrayBufferWriter<ushort>();
        new Gpt2Tokenizer().NewEncoder().Encode(Encoding.UTF8.GetBytes(text), ids);
        Assert.Equal(
            [50256, .. ids.WrittenSpan],
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(files["train.tokens"]).ToArray()
        );
        Assert.Equal(new byte[8], files["train.documents"]);
    }

    [Fact]
    public async Task Prepare_DealsWholeDocumentsOut_ValidationFirst()
    {
        Write("a.jsonl", SampleFiles.Jsonl(["aaaa", "bbbb", "cccc", "dddd", "eeee"]));

        var files = await PrepareAsync(
            "a.jsonl",
            "--tokenizer",
            "bytes",
            "--val-tokens",
            "7",
            "--fitness-tokens",
            "5",
            "--train-tokens",
            "4"
        );

        // Each set has what was asked for; the rest of a cut document is in no set.
        Assert.Equal("<aaaa<b", Letters(files["validation.tokens"]));
        Assert.Equal("<cccc", Letters(files["fitness.tokens"]));
        Assert.Equal("<ddd", Letters(files["train.tokens"]));
        Assert.Equal([0L, 5], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(files["validation.documents"]).ToArray());
    }

    [Fact]
    public async Task Prepare_OfShardsThatCutADocument_PutsItTogether()
    {
        Write("s0.bin", SampleFiles.Bin([50256, 1, 2, 50256, 3]));
        Write("s1.bin", SampleFiles.Bin([4, 5, 50256, 6]));

        var files = await PrepareAsync("s*.bin");
        Assert.Equal(
            new ushort[] { 50256, 1, 2, 50256, 3, 4, 5, 50256, 6 },
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(files["train.tokens"]).ToArray()
        );
        Assert.Equal([0L, 3, 7], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(files["train.documents"]).ToArray());

        await FailsAsync(1, "within a document", "s1.bin");
        Assert.Equal(4, (await PrepareAsync("s1.bin", "--skip-bad"))["train.tokens"].Length);
        Assert.Contains("1 rows were left out", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_IntoTheStore_GivesTheHashOfTheDirectory()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(50, 1)));
        await PrepareAsync("a.jsonl", "--val-tokens", "100");
        var directory = Cli.Json().GetProperty("sha256").GetString()!;

        Assert.Equal(0, await Cli.RunAsync("data", "prepare", "--input", In("a.jsonl"), "--val-tokens", "100", "-o", "json"));
        Assert.Equal(directory, Cli.Json().GetProperty("sha256").GetString());
        var sets = new StoredTokenSets(await Cli.StoreAsync());
        var manifest = await sets.ReadManifestAsync(directory, CommandLine.Stop);
        Assert.Equal(100, (await sets.ReadAsync(manifest, manifest.Validation!, CommandLine.Stop)).Length);

        Assert.Equal(0, await Cli.RunAsync("data", "show", directory, "-o", "json"));
        Assert.Equal("gpt2", Cli.Json().GetProperty("manifest").GetProperty("tokenizer").GetString());
    }

    [Fact]
    public async Task Prepare_FromStandardInput_HashesIt()
    {
        var content = SampleFiles.Gzip(SampleFiles.Jsonl(["one", "two"]));
        var context = Cli.Context with { Input = () => new MemoryStream(content) };

        var code = await Client.Commands.SlowrunCommand.RunAsync(
            ["data", "prepare", "--input", "-", "--format", "jsonl", "--out", In("out"), "-o", "json"],
            context,
            CommandLine.Stop
        );

        Assert.Equal(0, code);
        var source = Cli.Json().GetProperty("manifest").GetProperty("sources")[0];
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)),
            source.GetProperty("sha256").GetString()
        );
    }
}
