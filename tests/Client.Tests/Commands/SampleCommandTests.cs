using System.Text;
using Slowrun.Client.Tests.Results;
using Slowrun.Core;
using Slowrun.Core.Inference;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Client.Tests.Commands;

public sealed class SampleCommandTests
{
    private readonly CommandLine cli = new();

    // "héllo" and the token that ends a document.
    private readonly FakeSilo<SamplingRequest, SampledToken> silo = new(
        [.. Encoding.UTF8.GetBytes("héllo").Select(b => new SampledToken(b)), new SampledToken(256)]
    );

    [Fact]
    public async Task Sample_OfAStage_WritesThePromptAndTheTextAfterIt()
    {
        await FinishedAsync();

        Assert.Equal(
            0,
            await cli.RunAsync(
                "sample",
                "scored/chain0/stage1",
                "--prompt",
                "Ah ",
                "--tokens",
                "20",
                "--temperature",
                "0.5",
                "--top-k",
                "7",
                "--seed",
                "3",
                "--device",
                "cuda:1"
            )
        );

        Assert.Equal("Ah héllo\n", cli.Output);
        var (command, request) = Assert.Single(silo.Asked);
        Assert.Equal(
            ("sample", ScoredRun.Name, 20, 0.5, 7, 3, 256, "cuda:1"),
            (command, request.Run, request.Tokens, request.Temperature, request.TopK, request.Seed, request.End, request.Device)
        );
        Assert.Equal([256, 'A', 'h', ' '], request.Prompt);
        Assert.Equal([new SampledStage(new StageId(0, 1), 1)], request.Members);
    }

    [Fact]
    public async Task Sample_OfTheEnsemble_AsksForAllMembersWithTheirWeights()
    {
        await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("sample", ScoredRun.Name, "--ensemble"));
        Assert.Equal([new(0, 0), new(0, 1), new(1, 0), new(1, 1)], silo.Asked[^1].Request.Members.Select(member => member.Stage));
        Assert.Equal(
            (1.0, null, 0, 200),
            (silo.Asked[^1].Request.Temperature, silo.Asked[^1].Request.TopK, silo.Asked[^1].Request.Seed, silo.Asked[^1].Request.Tokens)
        );
        Assert.Equal([256], silo.Asked[^1].Request.Prompt);

        Assert.Equal(0, await cli.RunAsync("sample", ScoredRun.Name, "--members", "chain1/stage1,chain0/stage0"));
        Assert.Equal([new(new StageId(1, 1), 1), new(new StageId(0, 0), 1)], silo.Asked[^1].Request.Members);
    }

    [Fact]
    public async Task Sample_WithSelect_LeavesOutTheOthersAndKeepsTheLearntWeights()
    {
        await FinishedAsync("ensemble.selection.steps=40");

        Assert.Equal(0, await cli.RunAsync("sample", ScoredRun.Name, "--select", "2"));

        var members = silo.Asked[^1].Request.Members;
        Assert.Equal(2, members.Count);
        Assert.Equal(1, members.Sum(member => member.Weight), 1e-12);
        Assert.NotEqual(members[0].Weight, members[1].Weight);
    }

    [Fact]
    public async Task Sample_OfARecipeThatAveragesLogits_HasThemAveraged()
    {
        await FinishedAsync("ensemble.average=Logits");

        Assert.Equal(0, await cli.RunAsync("sample", ScoredRun.Name, "--ensemble"));
        Assert.Equal(EnsembleAverage.Logits, silo.Asked[^1].Request.Average);
    }

    [Fact]
    public async Task Sample_AsJson_HasItsFields()
    {
        await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("sample", "scored/chain0/stage1", "--prompt", "Ah ", "-o", "json"));

        var json = cli.Json();
        Assert.Equal(
            ["run", "members", "average", "prompt", "text", "tokens", "ended", "temperature", "topK", "seed", "seconds"],
            json.EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(
            ("Ah ", "héllo", "document", 7),
            (
                json.GetProperty("prompt").GetString(),
                json.GetProperty("text").GetString(),
                json.GetProperty("ended").GetString(),
                json.GetProperty("tokens").GetArrayLength()
            )
        );
    }

    [Fact]
    public async Task Sample_WhenTheSilosProgramFailsHalfway_EndsTheLineAndSaysWhy()
    {
        await FinishedAsync();
        cli.AskSilo = new FakeSilo<SamplingRequest, SampledToken>([new SampledToken('H'), new SampledToken(0xC3)])
        {
            Failure = new NotPossibleException("libtorch: out of memory"),
        }.AskAsync;

        Assert.Equal(1, await cli.RunAsync("sample", "scored/chain0/stage1"));
        Assert.Equal("H\uFFFD\n", cli.Output);
        Assert.Equal("slowrun: libtorch: out of memory\n", cli.Error);
    }

    [Theory]
    [InlineData(2, "'scored' is a whole run: say --ensemble, or name one of its stages, for example scored/chain0/stage0.", "scored")]
    [InlineData(2, "Name the run alone: 'scored'.", "scored/chain0/stage0", "--ensemble")]
    [InlineData(2, "Name the run alone: 'scored'.", "scored/chain0/stage0", "--select", "1")]
    [InlineData(3, "has no stage 'chain4/stage0'", "scored/chain4/stage0")]
    [InlineData(2, "--tokens: found 0, expected 1 or more.", "scored/chain0/stage0", "--tokens", "0")]
    [InlineData(2, "--temperature: found -1, expected 0 or more.", "scored/chain0/stage0", "--temperature", "-1")]
    [InlineData(2, "--top-k: found 0, expected 1 or more.", "scored/chain0/stage0", "--top-k", "0")]
    [InlineData(2, "many", "scored/chain0/stage0", "--tokens", "many")]
    public async Task Sample_OfAWrongCommandLine_SaysWhatIsExpected(int exitCode, string message, params string[] arguments)
    {
        await FinishedAsync();

        Assert.Equal(exitCode, await cli.RunAsync(["sample", .. arguments]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(silo.Asked);
    }

    private async Task FinishedAsync(params string[] set)
    {
        cli.AskSilo = silo.AskAsync;
        var run = await ScoredRun.CreateAsync(cli, set);
        await run.FinishAllAsync();
    }
}
