using Slowrun.Data.Tests;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Data;

/// <summary><c>data show</c> and <c>submit</c> with prepared data.</summary>
public sealed class PreparedDataTests : DataCommandTests
{
    [Fact]
    public async Task Show_OfADirectory_TellsWhatIsInside()
    {
        Write("a.jsonl", SampleFiles.Jsonl([new string('v', 60), new string('v', 30) + new string('t', 50), new string('v', 60)]));
        await PrepareAsync("a.jsonl", "--tokenizer", "bytes", "--val-tokens", "61");

        Assert.Equal(0, await Cli.RunAsync("data", "show", Out, "--overlap"));
        Assert.Contains("validation: 61 tokens in 1 documents", Cli.Output, StringComparison.Ordinal);
        Assert.Contains($"document 0: {new string('v', 59)}", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("overlap: 100.00 % of validation's 40-byte stretches", Cli.Output, StringComparison.Ordinal);
        Assert.Contains("a.jsonl  jsonl", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(3, await Cli.RunAsync("data", "show", "nowhere"));
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

        Assert.Equal(1, await Cli.RunAsync("data", "show", Out));
        Assert.Contains($"'{tokens}' is damaged", Cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await Cli.RunAsync("submit", "micro", "--data", Out));
        Assert.Contains($"'{tokens}' is damaged", Cli.Error, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(tokens, content[..^2], CommandLine.Stop);
        Assert.Equal(1, await Cli.RunAsync("data", "show", Out));
        Assert.Contains("its manifest says", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithPreparedData_UploadsItAndFillsInTheRecipe()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(200, 1)));
        await PrepareAsync("a.jsonl", "--tokenizer", "bytes", "--val-tokens", "500", "--fitness-tokens", "300");
        var sha256 = Cli.Json().GetProperty("sha256").GetString();

        Assert.Equal(0, await Cli.RunAsync("submit", "micro", "--data", Out));
        var spec = (await new RunDocuments(await Cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop))!;
        Assert.Equal((sha256, 500L, 300L), (spec.Recipe.Data.Sha256, spec.Recipe.Data.ValidationTokens, spec.Recipe.Data.FitnessTokens));
        var sets = new StoredTokenSets(await Cli.StoreAsync());
        var manifest = await sets.ReadManifestAsync(sha256!, CommandLine.Stop);
        Assert.Equal(spec.Recipe.Data.TrainTokens, (await sets.ReadAsync(manifest, manifest.Train, CommandLine.Stop)).Length);

        // By its hash it is the same data, and the same run.
        Assert.Equal(0, await Cli.RunAsync("submit", "micro", "--data", sha256!));
        Assert.Contains("was there already", Cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await Cli.RunAsync("submit", "micro", "--data", Out, "--text", "x"));
    }

    [Fact]
    public async Task Submit_WithDataThatDoesNotSuitTheRecipe_SaysWhy()
    {
        Write("a.jsonl", SampleFiles.Jsonl(SampleFiles.Documents(20, 1)));
        await PrepareAsync("a.jsonl", "--val-tokens", "100");

        Assert.Equal(2, await Cli.RunAsync("submit", "micro", "--data", Out));
        Assert.Contains("50257 token ids (gpt2), the recipe's model 257. Set model.vocabSize=50257", Cli.Error, StringComparison.Ordinal);
    }
}
