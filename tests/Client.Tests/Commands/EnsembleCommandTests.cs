using System.Text.Json;
using Slowrun.Client.Tests.Results;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Selection;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class EnsembleCommandTests
{
    private const string Selects = "ensemble.selection.steps=40";

    private static readonly string[] All = ["chain0/stage0", "chain0/stage1", "chain1/stage0", "chain1/stage1"];

    private readonly CommandLine cli = new();

    [Fact]
    public async Task Ensemble_OfARun_IsTheEvenMixtureOfItsMembers()
    {
        var run = await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "-o", "json"));

        var (json, mixture) = (cli.Json(), Mixture.Of(All.Select(stage => (ReadOnlyMemory<float>)run.Validation[stage])));
        Assert.Equal(
            ["run", "average", "lossNats", "bitsPerByte", "tokens", "fitted", "members"],
            json.EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(mixture.LossNats(), json.GetProperty("lossNats").GetDouble());
        Assert.Equal(mixture.BitsPerByte(TargetBytes.Of(ScoredRun.Tokens(1_500, 3))), json.GetProperty("bitsPerByte").GetDouble());
        Assert.Equal(1_499, json.GetProperty("tokens").GetInt32());
        Assert.Equal(All, Members(json).Select(member => member.GetProperty("stage").GetString()));
        var second = Members(json)[1];
        Assert.Equal(
            ["stage", "snapshotSha256", "lossNats", "bitsPerByte", "weight", "withoutNats", "runningNats"],
            second.EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(Mixture.LossNats([run.Validation[All[1]]]), second.GetProperty("lossNats").GetDouble());
        Assert.Equal(0.25, second.GetProperty("weight").GetDouble());
        Assert.Equal(
            Mixture.LossNats(All.Where(stage => stage != All[1]).Select(stage => (ReadOnlyMemory<float>)run.Validation[stage])),
            second.GetProperty("withoutNats").GetDouble(),
            1e-9
        );
    }

    [Fact]
    public async Task Ensemble_AsText_HasALineForEachMemberAndAVerdict()
    {
        await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name));

        var lines = cli.Output.Split('\n');
        Assert.Matches("^MEMBER +NATS/TOKEN +BITS/BYTE +WEIGHT +WITHOUT IT", lines[0]);
        Assert.Matches(@"^chain0/stage0 +\d\.\d{4} +\d\.\d{4} +0\.2500 +\d\.\d{4} \([+-]0\.\d{4}\)", lines[1]);
        Assert.Contains("ensemble of 4: ", cli.Output, StringComparison.Ordinal);
        Assert.Contains("nats better than its best member", cli.Output, StringComparison.Ordinal);
        Assert.Empty(cli.Error);
    }

    [Theory]
    [InlineData("chain1/stage0,chain0/stage1")]
    [InlineData("scored/chain1/stage0, chain0/stage1")]
    public async Task Ensemble_OfSomeMembers_IsTheirEvenMixture(string members)
    {
        var run = await FinishedAsync();

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "--members", members, "-o", "json"));

        Assert.Equal(
            Mixture.LossNats([run.Validation["chain1/stage0"], run.Validation["chain0/stage1"]]),
            cli.Json().GetProperty("lossNats").GetDouble()
        );
        Assert.Equal(2, Members(cli.Json()).Count);
    }

    [Fact]
    public async Task Ensemble_WithSelect_IsTheSelectionThatARecipeWouldMake()
    {
        var run = await FinishedAsync(Selects);

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "--select", "2", "-o", "json"));

        var fitness = All.Select(stage => (ReadOnlyMemory<float>)run.Fitness[stage]).ToList();
        var selected = MemberSelection
            .OfEverySize(run.Spec.Recipe.Ensemble.Selection! with { Sizes = [2] }, fitness, run.Spec.Recipe.Seed)
            .Single();
        var validation = All.Select(stage => (ReadOnlyMemory<float>)run.Validation[stage]).ToList();
        var json = cli.Json();
        Assert.Equal(GradientSelection.LossNats(validation, selected.Selected), json.GetProperty("lossNats").GetDouble());
        Assert.Equal(selected.FitnessLossNats, json.GetProperty("fitted").GetProperty("fitnessLossNats").GetDouble());
        Assert.Equal(
            All.Select((_, m) => selected.Selected.WeightOf(m)),
            Members(json).Select(member => member.GetProperty("weight").GetDouble())
        );

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "--select", "2"));
        Assert.Contains("2 of 4 members are left out", cli.Output, StringComparison.Ordinal);
        Assert.Contains("weights learnt in 40 steps on the fitness set", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ensemble_OfARunThatSelects_HasTheWeightsThatTheRunHasLearnt()
    {
        var run = await FinishedAsync(Selects);

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name));
        Assert.Contains("--select K selects here", cli.Error, StringComparison.Ordinal);

        await run.StoreEnsembleAsync(members => new EnsembleScore
        {
            Members = members,
            Running = [3, 3, 3, 3],
            LossNats = 0,
            BitsPerByte = 0,
            Weights = [0.75, 0, 0.25, 0],
        });
        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "-o", "json"));
        Assert.Equal(
            Mixture.LossNats([run.Validation[All[0]], run.Validation[All[2]]], [0.75, 0.25]),
            cli.Json().GetProperty("lossNats").GetDouble()
        );
    }

    [Fact]
    public async Task Ensemble_WhenMembersAreMissing_MixesTheOthersAndSaysSo()
    {
        var run = await ScoredRun.CreateAsync(cli);
        await run.FinishAllAsync("chain1/stage1");
        await run.FinishAsync("chain1/stage1");

        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name, "-o", "json"));
        Assert.Equal(3, Members(cli.Json()).Count);
        Assert.Contains("3 of 4 members are scored; the others are left out.", cli.Error, StringComparison.Ordinal);

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name, "--members", "chain0/stage0,chain1/stage1"));
        Assert.Contains("'scored/chain1/stage1' is not scored yet: a silo does that", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ensemble_BeforeAnythingIsScored_SaysSo()
    {
        await ScoredRun.CreateAsync(cli);

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name));
        Assert.Contains("No member of 'scored' is scored yet", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name, "--members", "chain0/stage0"));
        Assert.Contains("'scored/chain0/stage0' has not finished", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "Did you mean 'chain1/stage1'?", "--members", "chain0/stage0,chain1/stag1")]
    [InlineData(3, "has no member 'chain7/stage0'", "--members", "chain7/stage0")]
    [InlineData(2, "names 'chain0/stage0' twice", "--members", "chain0/stage0,chain0/stage0")]
    [InlineData(2, "--select 5 of 4 members; expected 1 to 4.", "--select", "5")]
    [InlineData(2, "--select 0 of 4 members; expected 1 to 4.", "--select", "0")]
    [InlineData(1, "A run with --set 'ensemble.selection={}' has them", "--select", "2")]
    public async Task Ensemble_OfARequestThatCannotBe_SaysWhatToDo(int exitCode, string message, params string[] options)
    {
        await FinishedAsync();

        Assert.Equal(exitCode, await cli.RunAsync(["ensemble", ScoredRun.Name, .. options]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(cli.Output);
    }

    [Fact]
    public async Task Ensemble_OfARecipeThatAveragesLogits_ShowsWhatTheRunHasComputedAndNoOther()
    {
        var run = await FinishedAsync("ensemble.average=Logits");

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name));
        Assert.Contains("averages logits", cli.Error, StringComparison.Ordinal);
        Assert.Contains("It has computed none yet. A silo computes it.", cli.Error, StringComparison.Ordinal);

        await run.StoreEnsembleAsync(members => new EnsembleScore
        {
            Members = members,
            Running = [3.4, 3.3, 3.2, 3.1],
            LossNats = 3.1,
            BitsPerByte = 4.4,
        });
        Assert.Equal(0, await cli.RunAsync("ensemble", ScoredRun.Name));
        Assert.Contains(
            "ensemble of 4, logits averaged, as the run has computed it: 3.1000 nats/token, 4.4000 bits/byte",
            cli.Output,
            StringComparison.Ordinal
        );

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name, "--members", "chain0/stage0,chain0/stage1"));
        Assert.Contains("the average of 4: 3.1000 nats/token", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name, "--select", "2"));
        Assert.Contains("averages logits", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ensemble_WithADamagedVector_NamesIt()
    {
        await FinishedAsync();
        var store = await cli.StoreAsync();
        var vector = await store
            .ListAsync("runs/scored/scores/", CommandLine.Stop)
            .FirstAsync(entry => entry.Name.EndsWith(".safetensors", StringComparison.Ordinal), CommandLine.Stop);
        var bytes = (await store.TryReadAsync(vector.Name, CommandLine.Stop))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(vector.Name, bytes, CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("ensemble", ScoredRun.Name));
        Assert.Contains($"'{vector.Name}' is damaged", cli.Error, StringComparison.Ordinal);
    }

    private static IReadOnlyList<JsonElement> Members(JsonElement json) => [.. json.GetProperty("members").EnumerateArray()];

    private async Task<ScoredRun> FinishedAsync(params string[] set)
    {
        var run = await ScoredRun.CreateAsync(cli, set);
        await run.FinishAllAsync();
        return run;
    }
}
