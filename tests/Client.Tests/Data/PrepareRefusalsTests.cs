using System.Text;
using Slowrun.Data.Tests;

namespace Slowrun.Client.Tests.Data;

/// <summary><c>data prepare</c> of damaged files and wrong arguments.</summary>
public sealed class PrepareRefusalsTests : DataCommandTests
{
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
        Assert.Contains("line 2: not JSON", Cli.Error, StringComparison.Ordinal);
        Assert.Contains("2 rows were left out", Cli.Error, StringComparison.Ordinal);
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
        Assert.Equal(1, await Cli.RunAsync("data", "prepare", "--input", In("a.txt"), "--out", In("there")));
        Assert.Contains("exists already", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(
            ["a.bin", "a.dat", "a.txt", "there"],
            Directory.GetFileSystemEntries(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }
}
