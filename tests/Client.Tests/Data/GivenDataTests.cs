using Slowrun.Data.Tests;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Data;

/// <summary>Data that a run is given is checked as its spec is, before anything is started for it.</summary>
public sealed class GivenDataTests : IDisposable
{
    private readonly PrepareRunner runner = new();

    public void Dispose() => runner.Dispose();

    [Theory]
    [InlineData("submit", "micro")]
    [InlineData("run", "micro")]
    [InlineData("demo", "--quick")]
    [InlineData("chaos", "micro")]
    [InlineData("spec explain", "micro")]
    public async Task Start_WithAValidationSetOfOneToken_IsRefused(string command, string argument)
    {
        await runner.PrepareAsync(
            "--input",
            PrepareRunner.Case("one-token.jsonl"),
            "--tokenizer",
            "bytes",
            "--val-tokens",
            "1",
            "--train-tokens",
            "400",
            "--fitness-input",
            runner.Write("f.txt", "some text")
        );
        Assert.Contains("The validation set has 1 tokens with 0 bytes of text", runner.Cli.Error, StringComparison.Ordinal);

        await RefusedAsync(command, argument, "has a validation set of 1 token, expected at least 2: a token and its target");
    }

    [Theory]
    [InlineData("submit", "micro")]
    [InlineData("run", "micro")]
    [InlineData("spec explain", "micro")]
    public async Task Start_WithValidationTokensWithoutText_IsRefused(string command, string argument)
    {
        var train = runner.Write("t.txt", new string('t', 5_000));
        await runner.PrepareAsync(
            "--input",
            train,
            "--tokenizer",
            "bytes",
            "--val-input",
            runner.Write("v.jsonl", SampleFiles.Jsonl(["", "", ""])),
            "--fitness-input",
            runner.Write("f.txt", "some text")
        );
        Assert.Contains("The validation set has 3 tokens with 0 bytes of text", runner.Cli.Error, StringComparison.Ordinal);

        await RefusedAsync(command, argument, "none of its targets stands for any text");
    }

    [Fact]
    public async Task Start_WithAFitnessSetOfOneToken_IsRefused()
    {
        await runner.PrepareAsync(
            "--input",
            runner.Write("t.txt", new string('t', 5_000)),
            "--tokenizer",
            "bytes",
            "--val-input",
            runner.Write("v.txt", "some text"),
            "--fitness-input",
            runner.Write("f.txt", "text"),
            "--fitness-tokens",
            "1"
        );

        await RefusedAsync("run", "micro", "has a fitness set of 1 token, expected at least 2");
        await RefusedAsync("submit", "micro", "has a fitness set of 1 token, expected at least 2");
    }

    [Fact]
    public async Task Run_WithDataOfAnotherVocabulary_IsRefusedBeforeASiloStarts()
    {
        await runner.PrepareAsync(
            "--input",
            runner.Write("t.txt", new string('t', 5_000)),
            "--val-input",
            runner.Write("v.txt", "some text")
        );

        await RefusedAsync("run", "micro", "50257 token ids (gpt2), the recipe's model 257");
    }

    private async Task RefusedAsync(string command, string argument, string message)
    {
        Assert.Equal(2, await runner.Cli.RunAsync([.. command.Split(' '), argument, "--data", runner.Out]));
        Assert.Contains(message, runner.Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("silo", runner.Cli.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Null(await new RunDocuments(await runner.Cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop));
    }
}
