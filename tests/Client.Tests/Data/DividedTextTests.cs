using System.Text;
using Slowrun.Data.Tests;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Client.Tests.Data;

/// <summary>What becomes of text that is one large document, and that nothing of it is lost without a word.</summary>
public sealed class DividedTextTests : IDisposable
{
    private readonly PrepareRunner runner = new();

    public void Dispose() => runner.Dispose();

    [Theory]
    [InlineData("bytes", "--val-tokens 65536")]
    [InlineData("gpt2", "--val-tokens 8192 --fitness-tokens 4096")]
    [InlineData("gpt2", "--val-tokens 8192 --fitness-tokens 4096 --train-tokens 9000")]
    [InlineData("bytes", "--val-tokens 1 --fitness-tokens 1")]
    [InlineData("bytes", "--train-tokens 100")]
    public async Task Prepare_OfOneBook_AccountsForEveryByte(string tokenizer, string sets)
    {
        var path = runner.Write("book.txt", "\uFEFF" + Book("\n\n"));

        var prepared = await runner.PrepareAsync(["--input", path, "--tokenizer", tokenizer, .. sets.Split(' ')]);

        Assert.Equal(new FileInfo(path).Length, PrepareRunner.Accounted(prepared));
        Assert.All(
            sets.Split(' ').Chunk(2),
            set =>
                Assert.Equal(
                    set[1],
                    prepared
                        .GetProperty("manifest")
                        .GetProperty(
                            set[0] switch
                            {
                                "--val-tokens" => "validation",
                                "--fitness-tokens" => "fitness",
                                _ => "train",
                            }
                        )
                        .GetProperty("tokens")
                        .ToString()
                )
        );
    }

    [Theory]
    [InlineData("\n\n", "paragraph")]
    [InlineData("\r\n\r\n", "paragraph")]
    [InlineData("\n", "line")]
    [InlineData(" ", "sentence")]
    public async Task Prepare_OfOneBook_GoesOnAtTheBestEndThereIs(string between, string kind)
    {
        var path = runner.Write("book.txt", Book(between));

        var manifest = (await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", "--val-tokens", "30000")).GetProperty(
            "manifest"
        );

        var divided = Assert.Single(manifest.GetProperty("divided").EnumerateArray());
        Assert.Equal(
            ("book.txt", "validation", "training", kind),
            (
                divided.GetProperty("source").GetString(),
                divided.GetProperty("from").GetString(),
                divided.GetProperty("to").GetString(),
                divided.GetProperty("at").GetString()
            )
        );
        Assert.StartsWith(kind == "sentence" ? "< Sentence " : "<Sentence ", runner.Letters("train"), StringComparison.Ordinal);
        Assert.Equal(0, await runner.Cli.RunAsync("data", "show", runner.Out));
        Assert.Contains($"goes on from validation in training, after the end of a {kind}", runner.Cli.Output, StringComparison.Ordinal);
        Assert.Contains("--overlap measures", runner.Cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_OfALongRow_DividesItInEveryFormat()
    {
        var book = Book("\n\n");
        runner.Write("a.txt", book);
        runner.Write("a.jsonl", SampleFiles.Jsonl([book]));
        runner.Write("a.parquet", await SampleFiles.ParquetAsync([book]));
        runner.Write("a.bin", SampleFiles.Bin([book], new Gpt2Tokenizer()));
        string[] sets = ["--val-tokens", "8192", "--fitness-tokens", "4096"];
        var expected = (await runner.PrepareAsync(["--input", runner.In("a.txt"), .. sets]))
            .GetProperty("manifest")
            .GetProperty("train")
            .ToString();

        foreach (var name in new[] { "a.jsonl", "a.parquet", "a.bin" })
        {
            Assert.Equal(
                expected,
                (await runner.PrepareAsync(["--input", runner.In(name), .. sets])).GetProperty("manifest").GetProperty("train").ToString()
            );
        }
    }

    [Fact]
    public async Task Prepare_OfALongDocumentBeforeOthers_KeepsItsRest()
    {
        var book = Book("\n\n");
        var path = runner.Write("a.jsonl", SampleFiles.Jsonl([book, "short"]));

        await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", "--val-tokens", "20000");

        Assert.InRange(runner.Letters("train").Length, book.Length - 21_000, book.Length);
        Assert.EndsWith("<short", runner.Letters("train"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_WhenAShortDocumentIsCutBeforeOthers_CountsItsRest()
    {
        var path = runner.Write("a.jsonl", SampleFiles.Jsonl(["aaaa", "bbbb", "cccc"]));

        var prepared = await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", "--val-tokens", "7", "--train-tokens", "3");

        Assert.Equal(("<aaaa<b", "<cc"), (runner.Letters("validation"), runner.Letters("train")));
        Assert.Equal(12, PrepareRunner.Accounted(prepared));
        var left = prepared.GetProperty("manifest").GetProperty("leftOut").EnumerateArray().First();
        Assert.Contains("ends of documents", left.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal((3, 1), (left.GetProperty("bytes").GetInt64(), left.GetProperty("count").GetInt64()));
    }

    [Fact]
    public async Task Prepare_OfMoreThanIsWanted_CountsWhatWasNotRead()
    {
        runner.Write("a.txt", Book("\n\n"));
        runner.Write("b.txt", "second");
        runner.Write("c.txt", "third");

        var prepared = await runner.PrepareAsync(
            "--input",
            runner.In("?.txt"),
            "--tokenizer",
            "bytes",
            "--val-tokens",
            "500",
            "--train-tokens",
            "1000"
        );

        Assert.Equal(
            new[] { "a.txt", "b.txt", "c.txt" }.Sum(name => new FileInfo(runner.In(name)).Length),
            PrepareRunner.Accounted(prepared)
        );
        Assert.Contains(
            "2: files that were not read: beyond the 1000 tokens of --train-tokens",
            await PlainAsync("--input", runner.In("?.txt"), "--tokenizer", "bytes", "--val-tokens", "500", "--train-tokens", "1000"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Prepare_WithSkipBad_CountsTheBytesThatItLeavesOut()
    {
        var path = runner.Write(
            "a.txt",
            [.. Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("word ", 700_000))), 0xFF, .. new byte[3_000_000]]
        );

        var prepared = await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", "--skip-bad");

        Assert.Equal(new FileInfo(path).Length, PrepareRunner.Accounted(prepared));
    }

    [Fact]
    public async Task Prepare_AsTheHelpSays_Works()
    {
        var (book, notes) = (runner.Write("book.txt", Book("\n\n")), runner.Write("notes.txt", "Notes."));
        var stories = runner.Write("stories.txt", "One.\n<|endoftext|>\nTwo.\n");
        var held = runner.Write("held-out.txt", "Held.");

        Assert.Contains(
            "in 2 documents",
            await PlainAsync("--input", book, notes, "--tokenizer", "bytes", "--val-tokens", "65536"),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "divided: a document of 'book.txt'",
            await PlainAsync("--input", book, "--tokenizer", "bytes", "--val-tokens", "65536"),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "in 2 documents",
            await PlainAsync("--input", stories, "--separator", "<|endoftext|>", "--val-input", held),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("--separator", "<|endoftext|>", "<One.\n\nstill<Two.")]
    [InlineData("--separator", "<|end of text|>", "<One.\n\nstill\n<|endoftext|>\n\nTwo.")]
    [InlineData("--document", "line", "<One.<still<<|endoftext|><Two.")]
    [InlineData("--document", "paragraph", "<One.<still\n<|endoftext|><Two.")]
    [InlineData("--document", "file", "<One.\n\nstill\n<|endoftext|>\n\nTwo.\n")]
    public async Task Prepare_OfADividedTextFile_TakesEachPartForADocument(string option, string value, string expected)
    {
        var path = runner.Write("a.txt", "One.\n\nstill\n<|endoftext|>\n\nTwo.\n");

        var prepared = await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", option, value);

        Assert.Equal(expected, runner.Letters("train").TrimEnd('\n') + (value == "file" ? "\n" : ""));
        Assert.Equal(new FileInfo(path).Length, PrepareRunner.Accounted(prepared));
    }

    [Theory]
    [InlineData("--document", "line", "\n")]
    [InlineData("--document", "line", "\r\n")]
    [InlineData("--document", "paragraph", "\n \t\r\n\n")]
    [InlineData("--separator", "<end of text>", "<end of text>")]
    public async Task Prepare_OfALargeDividedTextFile_TakesEachPartForADocument(string option, string value, string between)
    {
        // Lengths around the reader's buffer of 2 MiB, which ends within documents and within separators.
        var random = new Random(8);
        var documents = Enumerable
            .Range(0, 4_000)
            .Select(i => new string((char)('a' + (i % 26)), random.Next(1, 1_400)) + " end")
            .Append(string.Concat(Enumerable.Repeat("long words ", 700_000)) + "end")
            .ToList();
        var path = runner.Write("a.txt", string.Join(between, documents));

        var prepared = await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", option, value);

        Assert.Equal(documents, runner.Letters("train").Split('<')[1..]);
        Assert.Equal(new FileInfo(path).Length, PrepareRunner.Accounted(prepared));
    }

    [Fact]
    public async Task Prepare_OfABadLineOfADividedFile_LeavesOnlyThatOut()
    {
        var path = runner.Write("a.txt", [.. "one\ntw"u8, 0xFF, .. "o\nthree\n"u8]);

        await runner.FailsAsync(
            1,
            "line 2: byte 6 of the file is not UTF-8",
            "--input",
            path,
            "--tokenizer",
            "bytes",
            "--document",
            "line"
        );
        var prepared = await runner.PrepareAsync("--input", path, "--tokenizer", "bytes", "--document", "line", "--skip-bad");
        Assert.Equal("<one<three", runner.Letters("train"));
        Assert.Equal(new FileInfo(path).Length, PrepareRunner.Accounted(prepared));
    }

    [Fact]
    public async Task Prepare_WithFilesOfTheirOwn_GivesTheSetsThose()
    {
        var (train, validation, fitness) = (
            runner.Write("t.txt", "train"),
            runner.Write("v.txt", "held out"),
            runner.Write("f.txt", "fit")
        );

        var prepared = await runner.PrepareAsync(
            "--input",
            train,
            "--val-input",
            validation,
            "--fitness-input",
            fitness,
            "--tokenizer",
            "bytes",
            "--val-tokens",
            "5"
        );

        Assert.Equal(("<train", "<held", "<fit"), (runner.Letters("train"), runner.Letters("validation"), runner.Letters("fitness")));
        Assert.Equal(16, PrepareRunner.Accounted(prepared));
        Assert.Equal(
            ["validation", "fitness", null],
            prepared
                .GetProperty("manifest")
                .GetProperty("sources")
                .EnumerateArray()
                .Select(source => source.TryGetProperty("set", out var set) ? set.GetString() : null)
        );
        await runner.FailsAsync(2, "is given to several of", "--input", runner.In("?.txt"), "--val-input", validation);
        await runner.FailsAsync(2, "exclude each other", "--input", train, "--separator", "x", "--document", "line");
        runner.Write("a.jsonl", SampleFiles.Jsonl(["a"]));
        await runner.FailsAsync(2, "--document divides text files", "--input", runner.In("a.jsonl"), "--document", "line");
        await runner.FailsAsync(
            1,
            "9 are left for validation; 50 were asked for (--val-tokens)",
            "--input",
            train,
            "--val-input",
            validation,
            "--val-tokens",
            "50",
            "--tokenizer",
            "bytes"
        );
    }

    [Fact]
    public async Task Prepare_WhenANameSaysAnotherSet_WarnsOfIt()
    {
        runner.Write("train.txt", "some text to train on");
        runner.Write("val.txt", "and some other");

        await runner.PrepareAsync("--input", runner.In("*.txt"), "--tokenizer", "bytes", "--val-tokens", "10");
        Assert.Contains("'train.txt' is called training, and validation took documents of it", runner.Cli.Error, StringComparison.Ordinal);
        Assert.Contains("'val.txt' is called validation, and training took documents of it", runner.Cli.Error, StringComparison.Ordinal);

        await runner.PrepareAsync("--input", runner.In("train.txt"), "--val-input", runner.In("val.txt"), "--tokenizer", "bytes");
        Assert.Equal("", runner.Cli.Error);
    }

    private static string Book(string between) =>
        string.Join(
            between,
            Enumerable
                .Range(0, 1_800)
                .Select(i => $"Sentence {i} of the book, which says é and {new string('x', i % 40)} and no more than that.")
        );

    private async Task<string> PlainAsync(params string[] arguments)
    {
        Assert.True(await runner.RunAsync(arguments) == 0, runner.Cli.Error);
        return runner.Cli.Output;
    }
}
