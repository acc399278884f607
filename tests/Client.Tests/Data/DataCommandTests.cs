using System.Text;
using Slowrun.Data.Tests;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Data;

public sealed class DataCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

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
        Assert.Contains("1 rows were left out", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_OfBadRows_NamesFileAndRow()
    {
        await FailsAsync(
            1,
            "'{0}', line 2: not JSON, from byte",
            Write("bad.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\n{\"text\":\"c\"}\n")
        );
        await FailsAsync(
            1,
            "line 1: there is no field 'text'; it has 'id', 'body'. Name the right one with --field",
            Write("field.jsonl", "{\"id\":1,\"body\":\"a\"}\n")
        );
        await FailsAsync(1, "line 1: 'text' is a number, expected a string", Write("number.jsonl", "{\"text\":1}\n"));
        await FailsAsync(1, "line 1: a string in it is not valid Unicode", Write("half.jsonl", "{\"text\":\"\\ud800\"}\n"));
        await FailsAsync(1, "line 1: found a list, expected an object", Write("list.jsonl", "[1]"));
        await FailsAsync(1, "line 3: byte 4 of the file is not UTF-8", Write("latin.txt", [65, 10, 66, 10, 0xE9, 65]));
        await FailsAsync(1, "line 2: byte 2 of the file is a zero", Write("zero.txt", "a\n\0"));
        await FailsAsync(1, "is empty", Write("empty.txt", ""));
        await FailsAsync(1, "has no document", Write("empty.jsonl", "\n\n"));
        await FailsAsync(
            1,
            "begins with 1, version 1, 3 tokens; expected 20240520",
            Write("magic.bin", [1, 0, 0, 0, .. SampleFiles.Bin([50256, 1, 2])[4..]])
        );
        await FailsAsync(1, "token 1 is 60000", Write("large.bin", SampleFiles.Bin([50256, 60000])));
        await FailsAsync(1, "promises 3 tokens, and it ends before", Write("short.bin", SampleFiles.Bin([50256, 1, 2])[..^1]));
        await FailsAsync(
            1,
            "no Parquet file, or is damaged or cut off",
            Write("short.parquet", (await SampleFiles.ParquetAsync(["a", "b"]))[..^9])
        );
        await FailsAsync(1, "row 2: the column 'text' is null", Write("null.parquet", await SampleFiles.ParquetAsync(["a", null])));
        await FailsAsync(
            1,
            "there is no column 'body'; it has 'id', 'text'. Name the right one",
            Write("a.parquet", await SampleFiles.ParquetAsync(["a"])),
            "--field",
            "body"
        );
        await FailsAsync(
            1,
            "the column 'id' holds Int32, expected strings",
            Write("b.parquet", await SampleFiles.ParquetAsync(["a"])),
            "--field",
            "id"
        );
        await FailsAsync(
            1,
            "damaged or cut off",
            Write("cut.txt.gz", SampleFiles.Gzip(Encoding.UTF8.GetBytes(string.Join('\n', SampleFiles.Documents(20, 1))))[..^5])
        );
        await FailsAsync(
            1,
            "too little text: it gives 2 tokens, of which 2 are left for training; 100 were asked",
            Write("little.txt", "a"),
            "--train-tokens",
            "100"
        );
    }

    [Fact]
    public async Task Prepare_OfInvalidUtf8InParquet_NamesTheRow()
    {
        var content = await SampleFiles.ParquetAsync(["first", "QQQQQQ"], compression: Parquet.CompressionMethod.None);
        for (var at = content.AsSpan().IndexOf("QQQQQQ"u8); at >= 0; at = content.AsSpan().IndexOf("QQQQQQ"u8))
        {
            content[at] = 0xFF;
        }

        await FailsAsync(1, "row 2: byte 0 of its text is not UTF-8", Write("latin.parquet", content));
    }

    [Fact]
    public async Task Prepare_WithSkipBad_CountsWhatItLeavesOut()
    {
        Write("bad.jsonl", Encoding.UTF8.GetBytes("{\"text\":\"a\"}\nno\n{\"text\":7}\n\n{\"text\":\"b\"}"));

        var files = await PrepareAsync("bad.jsonl", "--skip-bad", "--tokenizer", "bytes");

        Assert.Equal("<a<b", Letters(files["train.tokens"]));
        Assert.Contains("line 2: not JSON", cli.Error, StringComparison.Ordinal);
        Assert.Contains("2 rows were left out", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_WhenABadRowIsBehindWhatIsWanted_DoesNotMind()
    {
        Write("bad.jsonl", Encoding.UTF8.GetBytes("{\"text\":\"aaaa\"}\n{\"text\":\"bbbb\"}\nno\n"));

        Assert.Equal("<aaaa<bb", Letters((await PrepareAsync("bad.jsonl", "--train-tokens", "8", "--tokenizer", "bytes"))["train.tokens"]));
    }

    [Fact]
    public async Task Prepare_OfWhatIsNotThereOrNotMeant_IsRefused()
    {
        Write("a.dat", [1]);
        Write("a.bin", SampleFiles.Bin([50256, 1]));
        Write("there/x", [1]);
        await FailsAsync(3, "There is no file", "nothing.txt");
        await FailsAsync(3, "There is no file", "*.parquet");
        await FailsAsync(2, "does not say by its name what it holds", "a.dat");
        await FailsAsync(2, "is a directory. Name the files in it", "there");
        await FailsAsync(2, "holds GPT-2's tokens, not text", "a.bin", "--tokenizer", "bytes");
        await FailsAsync(2, "Standard input has no name", "-");
        await FailsAsync(2, "expected a number of tokens", "a.bin", "--val-tokens", "0");
        Write("a.txt", [65]);
        Assert.Equal(1, await cli.RunAsync("data", "prepare", "--input", In("a.txt"), "--out", In("there")));
        Assert.Contains("exists already", cli.Error, StringComparison.Ordinal);
        Assert.Equal(
            ["a.bin", "a.dat", "a.txt", "there"],
            Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task Prepare_IntoTheStore_GivesTheHashOfTheDirectory()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(50, 1)));
        await PrepareAsync("a.jsonl", "--val-tokens", "100");
        var directory = cli.Json().GetProperty("sha256").GetString()!;

        Assert.Equal(0, await cli.RunAsync("data", "prepare", "--input", In("a.jsonl"), "--val-tokens", "100", "-o", "json"));
        Assert.Equal(directory, cli.Json().GetProperty("sha256").GetString());
        var sets = new StoredTokenSets(await cli.StoreAsync());
        var manifest = await sets.ReadManifestAsync(directory, CommandLine.Stop);
        Assert.Equal(100, (await sets.ReadAsync(manifest, manifest.Validation!, CommandLine.Stop)).Length);

        Assert.Equal(0, await cli.RunAsync("data", "show", directory, "-o", "json"));
        Assert.Equal("gpt2", cli.Json().GetProperty("manifest").GetProperty("tokenizer").GetString());
    }

    [Fact]
    public async Task Prepare_FromStandardInput_HashesIt()
    {
        var content = SampleFiles.Gzip(SampleFiles.Jsonl(["one", "two"]));
        var context = cli.Context with { Input = () => new MemoryStream(content) };

        var code = await Client.Commands.SlowrunCommand.RunAsync(
            ["data", "prepare", "--input", "-", "--format", "jsonl", "--out", In("out"), "-o", "json"],
            context,
            CommandLine.Stop
        );

        Assert.Equal(0, code);
        var source = cli.Json().GetProperty("manifest").GetProperty("sources")[0];
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)),
            source.GetProperty("sha256").GetString()
        );
    }

    [Fact]
    public async Task Show_OfADirectory_TellsWhatIsInside()
    {
        Write("a.jsonl", SampleFiles.Jsonl([new string('v', 60), new string('v', 30) + new string('t', 50), new string('v', 60)]));
        await PrepareAsync("a.jsonl", "--tokenizer", "bytes", "--val-tokens", "61");

        Assert.Equal(0, await cli.RunAsync("data", "show", Out, "--overlap"));
        Assert.Contains("validation: 61 tokens in 1 documents", cli.Output, StringComparison.Ordinal);
        Assert.Contains($"document 0: {new string('v', 59)}", cli.Output, StringComparison.Ordinal);
        Assert.Contains("overlap: 100.00 % of validation's 40-byte stretches", cli.Output, StringComparison.Ordinal);
        Assert.Contains("a.jsonl  jsonl", cli.Output, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("data", "show", "nowhere"));
    }

    [Fact]
    public async Task Show_OfADamagedDirectory_NamesTheFile()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(200, 1)));
        await PrepareAsync("a.jsonl", "--tokenizer", "bytes", "--val-tokens", "500", "--fitness-tokens", "300");
        var tokens = Path.Combine(Out, "train.tokens");
        var content = await File.ReadAllBytesAsync(tokens, CommandLine.Stop);
        content[^2] ^= 1;
        await File.WriteAllBytesAsync(tokens, content, CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("data", "show", Out));
        Assert.Contains($"'{tokens}' is damaged", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await cli.RunAsync("submit", "micro", "--data", Out));
        Assert.Contains($"'{tokens}' is damaged", cli.Error, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(tokens, content[..^2], CommandLine.Stop);
        Assert.Equal(1, await cli.RunAsync("data", "show", Out));
        Assert.Contains("its manifest says", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithPreparedData_UploadsItAndFillsInTheRecipe()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(200, 1)));
        await PrepareAsync("a.jsonl", "--tokenizer", "bytes", "--val-tokens", "500", "--fitness-tokens", "300");
        var sha256 = cli.Json().GetProperty("sha256").GetString();

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--data", Out));
        var spec = (await new RunDocuments(await cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop))!;
        Assert.Equal((sha256, 500L, 300L), (spec.Recipe.Data.Sha256, spec.Recipe.Data.ValidationTokens, spec.Recipe.Data.FitnessTokens));
        var sets = new StoredTokenSets(await cli.StoreAsync());
        var manifest = await sets.ReadManifestAsync(sha256!, CommandLine.Stop);
        Assert.Equal(spec.Recipe.Data.TrainTokens, (await sets.ReadAsync(manifest, manifest.Train, CommandLine.Stop)).Length);

        // By its hash it is the same data, and the same run.
        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--data", sha256!));
        Assert.Contains("was there already", cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--data", Out, "--text", "x"));
    }

    [Fact]
    public async Task Submit_WithDataThatDoesNotSuitTheRecipe_SaysWhy()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(20, 1)));
        await PrepareAsync("a.jsonl", "--val-tokens", "100");

        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--data", Out));
        Assert.Contains("50257 token ids (gpt2), the recipe's model 257. Set model.vocabSize=50257", cli.Error, StringComparison.Ordinal);
    }

    private string Out => In("out");

    private string In(string name) => Path.Combine(folder.Path, name);

    private string Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllBytes(In(name), content);
        return name;
    }

    private string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    /// <summary>Runs <c>data prepare</c>; the directory's files by name.</summary>
    private async Task<SortedDictionary<string, byte[]>> PrepareAsync(string input, params string[] more)
    {
        Clear();
        var code = await cli.RunAsync(["data", "prepare", "--input", In(input), "--out", Out, "-o", "json", .. more]);
        Assert.True(code == 0, cli.Error);
        return new(Directory.GetFiles(Out).ToDictionary(file => Path.GetFileName(file)!, File.ReadAllBytes), StringComparer.Ordinal);
    }

    private async Task FailsAsync(int code, string message, string input, params string[] more)
    {
        Clear();
        var path = input == "-" ? input : In(input);
        var found = await cli.RunAsync(["data", "prepare", "--input", path, "--out", Out, .. more]);
        Assert.Contains(message.Replace("{0}", path, StringComparison.Ordinal), cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", cli.Error, StringComparison.Ordinal);
        Assert.Equal(code, found);
        Assert.False(Directory.Exists(Out), "something was left behind");
        Assert.DoesNotContain(Directory.GetFileSystemEntries(folder.Path), entry => entry.Contains(".part-", StringComparison.Ordinal));
    }

    private void Clear()
    {
        if (Directory.Exists(Out))
        {
            Directory.Delete(Out, recursive: true);
        }
    }

    private static string Letters(byte[] tokens) =>
        string.Concat(
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(tokens).ToArray().Select(id => id == 256 ? '<' : (char)id)
        );
}
