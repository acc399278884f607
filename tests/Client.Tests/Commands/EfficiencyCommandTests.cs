using System.Text.Json;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class EfficiencyCommandTests
{
    private const int Own = 300;
    private static readonly BaselineSize Size = new(2, 32);
    private static readonly string[] Few = ["--no-train", "--sizes", "2x32", "--passes", "2,4", "-o", "json"];

    private static readonly ChainRecipe Imported = new() { Imported = [new string('0', 64)] };

    private readonly CommandLine cli = new();

    [Fact]
    public async Task NoTrain_WithoutBaselines_NamesWhatIsMissingAndWritesNothing()
    {
        var (_, longer) = await FinishedAsync(4);
        var before = await (await cli.StoreAsync()).ListAsync("", CommandLine.Stop).CountAsync(CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", longer, .. Few]));

        var json = cli.Json();
        Assert.Equal(
            [
                "run",
                "givenName",
                "dataSha256",
                "recipeSha256",
                "trainTokens",
                "tokenizer",
                "baseline",
                "corpusTokens",
                "curves",
                "models",
                "knownBaselines",
                "missing",
            ],
            json.EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(
            ["OnePass 2x32 1", "ManyPasses 2x32 2", "ManyPasses 2x32 4"],
            json.GetProperty("missing")
                .EnumerateArray()
                .Select(one => $"{Text(one, "kind")} {Text(one, "size")} {one.GetProperty("passes")}")
        );
        Assert.All(
            json.GetProperty("missing").EnumerateArray(),
            one => Assert.StartsWith("baseline-", Text(one, "run"), StringComparison.Ordinal)
        );
        Assert.Equal(before, await (await cli.StoreAsync()).ListAsync("", CommandLine.Stop).CountAsync(CommandLine.Stop));

        Assert.Equal(0, await cli.RunAsync("efficiency", ScoredRun.Name, "--data", longer, "--no-train"));
        Assert.Contains("The curve of one pass is not finished: baselines are missing.", cli.Output, StringComparison.Ordinal);
        Assert.Contains("not trained: the command without --no-train does that", cli.Output, StringComparison.Ordinal);
        await cli.RunAsync("rename", ScoredRun.Name, "best");
        Assert.Equal(0, await cli.RunAsync("efficiency", "best", "--data", longer, "--no-train"));
        Assert.StartsWith($"best ({ScoredRun.Name}), {Own} training tokens", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync(["efficiency", "best", "--data", longer, .. Few]));
        Assert.Equal("best", Text(cli.Json(), "givenName"));
    }

    [Fact]
    public async Task NoTrain_WithBaselines_GivesFactorsOfMembersAndEnsemblesByTheChoiceOnFitness()
    {
        var (run, longer) = await FinishedAsync(4);
        var best = await BestAsync(run, longer);
        // Straight over the logarithm of tokens: half-way between once and twice, and between twice and four times.
        await HaveAsync(run, longer, BaselineKind.OnePass, 1, (1, 0, best + 0.75));
        await HaveAsync(run, longer, BaselineKind.OnePass, 2, (1, 0, best + 0.25));
        await HaveAsync(run, longer, BaselineKind.OnePass, 4, (1, 0, best - 0.25));
        // The better one on validation is the worse one on the fitness set, by which is chosen.
        await HaveAsync(run, longer, BaselineKind.ManyPasses, 1, (2, 0.9, best + 0.5), (4, 1.1, best - 1));
        await HaveAsync(run, longer, BaselineKind.ManyPasses, 2, (2, 1.1, best - 1), (4, 0.9, best - 0.5));

        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", longer, .. Few]));

        var json = cli.Json();
        Assert.Equal(0, json.GetProperty("missing").GetArrayLength());
        Assert.Equal(7, json.GetProperty("knownBaselines").GetInt32());
        var curves = json.GetProperty("curves").EnumerateArray().ToList();
        Assert.Equal(["OnePass Reached 3", "ManyPasses Reached 2"], curves.Select(Curve));
        Assert.Equal(2, curves[1].GetProperty("points")[0].GetProperty("chosen").GetProperty("passes").GetInt32());
        var models = json.GetProperty("models").EnumerateArray().ToList();
        Assert.Equal(
            ["chain0/stage0", "chain0/stage1", "chain1/stage0", "chain1/stage1", "ensemble of 2", "ensemble of 3", "ensemble of 4"],
            models.Select(model => Text(model, "name"))
        );
        var factors = models.MinBy(model => model.GetProperty("lossNats").GetDouble()).GetProperty("factors").EnumerateArray().ToList();
        Assert.Equal(["kind", "factor", "interval"], factors[0].EnumerateObject().Select(field => field.Name));
        Assert.Equal(["times", "kind"], factors[0].GetProperty("factor").EnumerateObject().Select(field => field.Name));
        Assert.Equal(Math.Pow(2, 1.5), factors[0].GetProperty("factor").GetProperty("times").GetDouble(), 1e-4);
        Assert.Equal(Math.Pow(2, 0.5), factors[1].GetProperty("factor").GetProperty("times").GetDouble(), 1e-4);
        var interval = factors[0].GetProperty("interval");
        Assert.InRange(
            Math.Pow(2, 1.5),
            interval.GetProperty("low").GetProperty("times").GetDouble(),
            interval.GetProperty("high").GetProperty("times").GetDouble()
        );

        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", longer, .. Few[..^2]]));
        Assert.Matches(@"\nensemble of 4 +\d\.\d{4} +2\.83x +\S+ to \S+ +1\.41x", cli.Output);
        Assert.Contains("best of 2", cli.Output, StringComparison.Ordinal);
        Assert.Contains("7 baselines of the same data and size were there already.", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoTrain_WhereTheTextEnds_SaysAtLeastAndWhereItEnds()
    {
        var (run, longer) = await FinishedAsync(3);
        var best = await BestAsync(run, longer);
        foreach (var times in (int[])[1, 2])
        {
            await HaveAsync(run, longer, BaselineKind.OnePass, times, (1, 0, best + 2 - (0.1 * times)));
            await HaveAsync(run, longer, BaselineKind.ManyPasses, times, (2, 0, best + 1 - (0.1 * times)), (4, 9, best));
        }

        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", longer, .. Few[..^2]]));

        Assert.Matches(@"\nensemble of 4 +\d\.\d{4} +>= 2\.00x", cli.Output);
        Assert.Contains(
            "The curve of one pass ends at 2.00x: the text has 900 training tokens (the corpus ends at 3.00x).",
            cli.Output,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Imported_BesideTrainedModels_HaveFactorsAndAreMarked()
    {
        await FinishedAsync(await ScoredRun.OfChainsAsync(cli, [Imported, new ChainRecipe { Stages = 2 }]));

        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", await LongerAsync(4), .. Few]));

        Assert.Equal(
            ["chain0/stage0, imported", "chain1/stage0", "chain1/stage1", "ensemble of 2", "ensemble of 3"],
            cli.Json().GetProperty("models").EnumerateArray().Select(model => Text(model, "name"))
        );
        Assert.Contains("What imported models were trained on is not known", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", await LongerAsync(4), .. Few[..^2]]));
        Assert.Contains("What imported models were trained on is not known", cli.Output, StringComparison.Ordinal);
    }

    /// <summary>The spec of an import without one has usual settings, whatever the data.</summary>
    [Fact]
    public async Task Imported_WithStepsThatDoNotSuitTheData_AreRefusedWithAdvice()
    {
        await FinishedAsync(await ScoredRun.OfChainsAsync(cli, [Imported], "stage.batchTokens=1024", "data.trainTokens=4096"));

        Assert.Equal(2, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", await LongerAsync(4), .. Few]));

        Assert.Contains("All models of 'scored' are imported", cli.Error, StringComparison.Ordinal);
        Assert.Contains("batchTokens", cli.Error, StringComparison.Ordinal);
        Assert.Contains("Import the weights under another name with --spec", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_ThatDoesNotBeginWithTheRuns_IsRefused()
    {
        await FinishedAsync(2);
        var other = await UploadAsync(ScoredRun.Tokens(2 * Own, 4));

        Assert.Equal(2, await cli.RunAsync("efficiency", ScoredRun.Name, "--no-train", "--data", other));
        Assert.Contains("was not trained on the beginning of", cli.Error, StringComparison.Ordinal);
        // As its recipe says where its text is from, the SDK's documentation is looked at.
        Assert.Equal(2, await cli.RunAsync("efficiency", ScoredRun.Name, "--no-train"));
        Assert.Contains("was not trained on the beginning of this SDK's documentation", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ThatIsNotThereOrNotFinished_IsRefusedWithoutTraining()
    {
        await ScoredRun.CreateAsync(cli);

        Assert.Equal(1, await cli.RunAsync("efficiency", ScoredRun.Name, "--no-train"));
        Assert.Contains("is Pending", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await cli.RunAsync("efficiency", "slowrun-10x"));
        Assert.Contains("'slowrun run slowrun-10x --data DIR'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("efficiency", "scorde", "--no-train"));
        Assert.Contains("Did you mean 'scored'?", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--points", "2,1")]
    [InlineData("--points", "0")]
    [InlineData("--sizes", "3x32")]
    [InlineData("--passes", "6,6")]
    [InlineData("--learning-rates", "-1")]
    public async Task Options_ThatMakeNoSense_AreRefused(string option, string value)
    {
        Assert.Equal(2, await cli.RunAsync("efficiency", "demo", option, value));
        Assert.Contains($"{option}: '{value}'; expected ", cli.Error, StringComparison.Ordinal);
    }

    private static string Curve(JsonElement curve) =>
        $"{Text(curve, "kind")} {Text(curve, "end")} {curve.GetProperty("points").GetArrayLength()}";

    private static string? Text(JsonElement element, string field) => element.GetProperty(field).GetString();

    /// <summary>A finished run, and the hash of data with so many times its training tokens.</summary>
    private async Task<(ScoredRun Run, string Longer)> FinishedAsync(int times)
    {
        var run = await ScoredRun.CreateAsync(cli);
        await FinishedAsync(run);
        return (run, await LongerAsync(times));
    }

    private static async Task FinishedAsync(ScoredRun run)
    {
        await run.FinishAllAsync();
        await run.StoreEnsembleAsync(members => new EnsembleScore
        {
            Members = members,
            Running = [.. members.Select(_ => 1.0)],
            LossNats = 1,
            BitsPerByte = 1,
        });
    }

    private Task<string> LongerAsync(int times) => UploadAsync(ScoredRun.Tokens(times * Own, 1));

    private async Task<string> UploadAsync(ArrayTokenSet train) =>
        await new DataUpload(await cli.StoreAsync()).UploadAsync(
            "bytes",
            train,
            ScoredRun.Tokens(700, 2),
            ScoredRun.Tokens(1_500, 3),
            "nothing",
            null,
            CommandLine.Stop
        );

    private async Task<double> BestAsync(ScoredRun run, string longer)
    {
        Assert.Equal(0, await cli.RunAsync(["efficiency", ScoredRun.Name, "--data", longer, .. Few]));
        return cli.Json().GetProperty("models").EnumerateArray().Min(model => model.GetProperty("lossNats").GetDouble());
    }

    /// <summary>Puts finished baselines into the store, each with one probability for all targets.</summary>
    private async Task HaveAsync(
        ScoredRun run,
        string longer,
        BaselineKind kind,
        int times,
        params (int Passes, double Fitness, double Validation)[] baselines
    )
    {
        var store = await cli.StoreAsync();
        var facts = await new RunFactsReader(store).ReadAsync(ScoredRun.Name, new HashSet<string>(), CommandLine.Stop);
        var data = await Client.Runs.NestedData.OpenAsync(store, facts!, new Client.Cli.GivenData([], longer), CommandLine.Stop);
        var recipe = await data.UploadAsync(store, times * Own, CommandLine.Stop);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(recipe.Sha256!, CommandLine.Stop);
        foreach (var (passes, fitness, validation) in baselines)
        {
            var spec = new BaselineCandidate(kind, times * Own, Size, passes, 1).Spec(run.Spec, recipe);
            Assert.True(await new RunDocuments(store, spec.Name).TryCreateSpecAsync(spec, CommandLine.Stop));
            var snapshot = new SnapshotRef($"runs/{spec.Name}/snapshot", $"hash-of-{spec.Name}", 1, CommandLine.Start);
            await cli.HaveRootAsync(spec.Name, "chain0/stage0", CommandLine.Begun(8) with { Snapshot = snapshot });
            await ScoreAsync(store, spec.Name, snapshot, manifest.Fitness!, fitness);
            await ScoreAsync(store, spec.Name, snapshot, manifest.Validation!, validation);
        }
    }

    private static async Task ScoreAsync(IObjectStore store, string run, SnapshotRef snapshot, StoredTokens set, double loss)
    {
        float[] p = [.. Enumerable.Repeat((float)Math.Exp(-loss), (int)set.Tokens - 1)];
        var score = new NewScore
        {
            SnapshotSha256 = snapshot.Sha256,
            SetSha256 = set.Sha256,
            Rows = 8,
            NumericsFingerprint = "f",
            LossNats = loss,
            BitsPerByte = loss,
        };
        await new RunScores(store, run).CreateAsync(score, p, CommandLine.Stop);
    }
}
