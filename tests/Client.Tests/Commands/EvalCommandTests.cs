using Slowrun.Client.Tests.Results;
using Slowrun.Core;
using Slowrun.Core.Inference;
using Slowrun.Core.Plan;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class EvalCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    private readonly FakeSilo<EvaluationRequest, EvaluationAnswer> silo = new(
        new EvaluationAnswer(0, 1_499),
        new EvaluationAnswer(800, 1_499),
        new EvaluationAnswer(1_499, 1_499) { LossNats = 2.5, BitsPerByte = 3.6 }
    );

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Eval_OfAFinishedStage_IsOnTheRunsOwnValidationSet()
    {
        var run = await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("eval", "scored/chain1/stage0"));

        var (command, request) = Assert.Single(silo.Asked);
        Assert.Equal(
            ("eval", ScoredRun.Name, new StageId(1, 0), run.Spec.Recipe.Data.Sha256, null, EvaluationSet.Validation, "cpu"),
            (command, request.Run, request.Stage, request.DataSha256, request.DataDirectory, request.Set, request.Device)
        );
        Assert.Equal("scored/chain1/stage0: 2.5000 nats/token, 3.6000 bits/byte on 1,499 tokens of the validation set\n", cli.Output);
    }

    [Fact]
    public async Task Eval_AsJson_HasItsFields()
    {
        await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("eval", "scored/chain0/stage0", "--set", "train", "--device", "cuda:0", "-o", "json"));

        Assert.Equal((EvaluationSet.Train, "cuda:0"), (silo.Asked[0].Request.Set, silo.Asked[0].Request.Device));
        Assert.Equal(
            ["run", "stage", "snapshotSha256", "data", "set", "tokens", "lossNats", "bitsPerByte", "seconds"],
            cli.Json().EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(("train", 2.5), (cli.Json().GetProperty("set").GetString(), cli.Json().GetProperty("lossNats").GetDouble()));
    }

    [Fact]
    public async Task Eval_OnAPreparedDirectory_TellsTheSiloWhereItIs()
    {
        await FinishedAsync();
        Assert.Equal(
            0,
            await cli.RunAsync("data", "prepare", "--input", Documents(), "--out", Prepared, "--val-tokens", "200", "--tokenizer", "bytes")
        );

        Assert.Equal(0, await cli.RunAsync("eval", "scored/chain0/stage0", "--data", Prepared));

        Assert.Equal(
            (Prepared, DataDirectory.Open(Prepared).Sha256),
            (silo.Asked[0].Request.DataDirectory, silo.Asked[0].Request.DataSha256)
        );
        Assert.EndsWith($"of the validation set of {Prepared}\n", cli.Output, StringComparison.Ordinal);

        Assert.Equal(2, await cli.RunAsync("eval", "scored/chain0/stage0", "--data", Prepared, "--set", "fitness"));
        Assert.Contains("has no fitness set; it has validation and train (--set).", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_OnDataOfAnotherTokenizer_IsRefused()
    {
        await FinishedAsync();
        Assert.Equal(
            0,
            await cli.RunAsync("data", "prepare", "--input", Documents(), "--out", Prepared, "--val-tokens", "200", "--tokenizer", "gpt2")
        );

        Assert.Equal(2, await cli.RunAsync("eval", "scored/chain0/stage0", "--data", Prepared));
        Assert.Contains(
            "by the tokenizer gpt2, the model was trained on 257 by bytes. Prepare it with --tokenizer bytes.",
            cli.Error,
            StringComparison.Ordinal
        );
        Assert.Empty(silo.Asked);
    }

    [Theory]
    [InlineData(2, "'scored' is a whole run; name one of its stages: scored/chain0/stage0", "scored")]
    [InlineData(3, "has no stage 'chain4/stage0'", "scored/chain4/stage0")]
    [InlineData(1, "'scored/chain1/stage1' has not finished (it is Ready, step 0 is durable)", "scored/chain1/stage1")]
    [InlineData(3, "is neither a directory nor a data hash", "scored/chain0/stage0", "--data", "nowhere")]
    [InlineData(2, "tests", "scored/chain0/stage0", "--set", "tests")]
    public async Task Eval_OfWhatIsNotThere_SaysWhatIs(int exitCode, string message, params string[] arguments)
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync("chain1/stage1");
        cli.AskSilo = silo.AskAsync;
        await cli.HaveRootAsync(ScoredRun.Name, "chain1/stage1", new Core.Stages.StageRoot());

        Assert.Equal(exitCode, await cli.RunAsync(["eval", .. arguments]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(silo.Asked);
    }

    [Fact]
    public async Task Eval_WhenTheSilosProgramFails_EndsAsItDid()
    {
        await FinishedAsync();
        cli.AskSilo = new FakeSilo<EvaluationRequest, EvaluationAnswer>
        {
            Failure = new InvalidRequestException("--device 'cuda:3' names a CUDA device that is not here; this machine has 0."),
        }.AskAsync;

        Assert.Equal(2, await cli.RunAsync("eval", "scored/chain0/stage0", "--device", "cuda:3"));
        Assert.Equal("slowrun: --device 'cuda:3' names a CUDA device that is not here; this machine has 0.\n", cli.Error);

        cli.AskSilo = new FakeSilo<EvaluationRequest, EvaluationAnswer>(new EvaluationAnswer(1, 2)).AskAsync;
        Assert.Equal(1, await cli.RunAsync("eval", "scored/chain0/stage0"));
        Assert.Contains("ended without a result", cli.Error, StringComparison.Ordinal);
    }

    private string Documents() =>
        folder.Write(
            "texts.jsonl",
            string.Concat(Enumerable.Range(0, 100).Select(i => $$"""{"text": "Some text, the {{i}}th."}""" + "\n"))
        );

    private string Prepared => Path.Combine(folder.Path, "prepared");

    private async Task<ScoredRun> FinishedAsync()
    {
        cli.AskSilo = silo.AskAsync;
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync();
        return run;
    }
}
