using System.Text;
using Slowrun.Core;
using Slowrun.Core.Presets;

namespace Slowrun.Client.Tests.Commands;

public sealed class SpecCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Show_OfAPreset_PrintsEachValueWithItsSource()
    {
        Assert.Equal(0, await cli.RunAsync("spec", "show", "slowrun-10x"));

        Assert.Matches("    weightDecay: 1.3 +# rec9; the article .* has 1.6: --set stage.optimizer.weightDecay=1.6", cli.Output);
    }

    [Fact]
    public async Task Diff_OfDifferentSpecs_ExitsWithOneAndNamesBothParts()
    {
        var mine = folder.Write("mine.yaml", "extends: tiny\nrecipe: {seed: 7}\noperations: {priority: 2}\n");

        Assert.Equal(1, await cli.RunAsync("spec", "diff", "tiny", mine));
        Assert.Contains(
            "recipe (changes the final bytes):\n  recipe.seed: 42 → 7\noperations (change no byte):\n  operations.priority: 0 → 2",
            cli.Output,
            StringComparison.Ordinal
        );

        Assert.Equal(1, await cli.RunAsync("spec", "diff", "tiny", mine, "-o", "json"));
        Assert.False(cli.Json().GetProperty("equal").GetBoolean());
        Assert.Equal(7, cli.Json().GetProperty("recipe")[0].GetProperty("here").GetInt32());
        Assert.Equal(1, cli.Json().GetProperty("operations").GetArrayLength());
    }

    [Fact]
    public async Task Diff_OfARunAndItsPreset_IsNoneUntilItsOperationsChange()
    {
        await cli.HaveRunAsync("mine");

        Assert.Equal(0, await cli.RunAsync("spec", "diff", "micro", "mine"));
        await cli.RunAsync("set", "mine", "priority=4");
        Assert.Equal(1, await cli.RunAsync("spec", "diff", "micro", "run:mine"));
        Assert.Contains("operations.priority: 0 → 4", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tinny", "Did you mean 'tiny'?")]
    [InlineData("run:nobody", "There is no run 'nobody'")]
    public async Task Diff_OfSomethingThatIsNotThere_SaysWhatThereIs(string what, string message)
    {
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("spec", "diff", "tiny", what));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schema_IsJsonWithDescriptions()
    {
        Assert.Equal(0, await cli.RunAsync("spec", "schema"));
        Assert.StartsWith(
            "Passes over the training set",
            cli.Json()
                .GetProperty("$defs")
                .GetProperty("StageRecipe")
                .GetProperty("properties")
                .GetProperty("epochs")
                .GetProperty("description")
                .GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Explain_OfABigPreset_SaysWhatItTakes()
    {
        Assert.Equal(
            0,
            await cli.RunAsync("spec", "explain", "slowrun-10x", "--upload-rate", "1GB/s", "--tokens-per-second", "20000", "--price", "3")
        );
        Assert.Contains("1.810 B parameters", cli.Output, StringComparison.Ordinal);
        Assert.Contains("it fits a notice of 30 s", cli.Output, StringComparison.Ordinal);
        Assert.Contains("slot hours, which cost", cli.Output, StringComparison.Ordinal);

        Assert.Contains("Every stage fits a device of 80 GB.", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("spec", "explain", "slowrun-10x", "--device-memory", "48GB"));
        Assert.Matches(
            @"A device of 48 GB is too small: chain0/stage1 needs [\d.]+ GB on the device, cuda:0 has 48 GB: try --set stage.recompute=true \([\d.]+ GB\)",
            cli.Output
        );

        Assert.Equal(0, await cli.RunAsync("spec", "explain", "slowrun-snapshots", "-o", "json"));
        Assert.Equal(480, cli.Json().GetProperty("stages").GetArrayLength());
        Assert.False(cli.Json().GetProperty("uploadFitsNotice").GetBoolean());
    }

    [Fact]
    public async Task Explain_WithData_TakesItsTokensAndChecksItsVocabulary()
    {
        var (text, data) = (Path.Combine(folder.Path, "a.txt"), Path.Combine(folder.Path, "data"));
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 3_000).Select(i => $"{i}.\n")));
        File.WriteAllText(Path.Combine(folder.Path, "b.txt"), "That is all.");
        File.WriteAllText(Path.Combine(folder.Path, "c.txt"), string.Concat(Enumerable.Range(0, 3_000).Select(i => $"{i}!\n")));
        Assert.Equal(
            0,
            await cli.RunAsync(
                "data",
                "prepare",
                "--input",
                Path.Combine(folder.Path, "?.txt"),
                "--val-tokens",
                "600",
                "--fitness-tokens",
                "2",
                "--train-tokens",
                "5000",
                "--out",
                data
            )
        );

        Assert.Equal(2, await cli.RunAsync("spec", "explain", "tiny", "--data", data));
        Assert.Contains(
            $"'{data}' has 50257 token ids (gpt2), the recipe's model 257. Set model.vocabSize=50257",
            cli.Error,
            StringComparison.Ordinal
        );

        Assert.Equal(0, await cli.RunAsync("spec", "explain", "tiny", "--data", data, "--set", "model.vocabSize=50257", "-o", "json"));
        Assert.Equal(5_000, cli.Json().GetProperty("trainTokens").GetInt64());

        // A model with room to spare is refused by a submission too.
        Assert.Equal(2, await cli.RunAsync("spec", "explain", "tiny", "--data", data, "--set", "model.vocabSize=50304"));
        Assert.Equal(3, await cli.RunAsync("spec", "explain", "tiny", "--data", Path.Combine(folder.Path, "none")));
    }

    [Theory]
    [InlineData("--upload-rate", "fast", "expected a rate such as 100MB/s")]
    [InlineData("--device-memory", "big", "expected a size such as 80GB")]
    [InlineData("--price", "-1", "expected a number above 0")]
    [InlineData("--slots", "0", "expected 1 to 100000")]
    public async Task Explain_WithANumberThatMakesNoSense_IsAUsageError(string option, string value, string message)
    {
        Assert.Equal(2, await cli.RunAsync("spec", "explain", "tiny", option, value));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("yaml")]
    [InlineData("json")]
    public async Task Validate_OfTwoHundredMutatedFiles_EndsWithZeroOrTwoAndAMessage(string format)
    {
        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var preset = PresetFiles.Names[i % PresetFiles.Names.Count];
            var text = Encoding.UTF8.GetBytes(
                format == "yaml"
                    ? PresetFiles.TryRead(preset)!
                    : Encoding.UTF8.GetString(CanonicalJson.Serialize(Core.Specs.SpecReader.FromPreset(preset)))
            );
            for (var change = random.Next(1, 5); change > 0; change--)
            {
                // A byte of another value, which may end a text, begin a list, or be no UTF-8 at all; or all that follows is lost.
                text[random.Next(text.Length)] = (byte)random.Next(256);
                text = random.Next(10) == 0 ? text[..random.Next(1, text.Length + 1)] : text;
            }

            var file = Path.Combine(folder.Path, $"mutated.{format}");
            File.WriteAllBytes(file, text);

            var exitCode = await cli.RunAsync("spec", "validate", file);

            Assert.True(exitCode is 0 or 2, $"{i}: {exitCode}: {cli.Error}");
            Assert.DoesNotContain("Exception", cli.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("should not have happened", cli.Error, StringComparison.Ordinal);
            Assert.Equal(exitCode == 2, cli.Error.StartsWith("slowrun: The spec has ", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("/dev/zero", "larger than")]
    [InlineData("/dev/null", "there is nothing in it")]
    public async Task Validate_OfADevice_ReadsNoFurtherThanASpecGoes(string path, string message)
    {
        Assert.Equal(2, await cli.RunAsync("spec", "validate", path, "--name", "x"));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Environment_OfOperations_CountsForEverySpecCommand()
    {
        Assert.Equal(0, await cli.RunAsync("spec", "show", "tiny"));
        cli.Variables["SLOWRUN_SET"] = "operations.priority=4; operations.keepCheckpoints=6";

        Assert.Equal(0, await cli.RunAsync("spec", "show", "tiny"));
        Assert.Contains("# from SLOWRUN_SET operations.keepCheckpoints=6", cli.Output, StringComparison.Ordinal);

        cli.Variables["SLOWRUN_SET"] = "stage.epochs=4";
        Assert.Equal(2, await cli.RunAsync("spec", "show", "tiny"));
        Assert.Contains("only operations", cli.Error, StringComparison.Ordinal);
    }
}
