namespace Slowrun.EndToEnd.Tests;

/// <summary>Whole runs through a real silo and a real client; the calm one is what disturbed ones are compared with.</summary>
[Collection(Cli.Waiting)]
public sealed class RunTests(CalmTiny calm)
{
    [Fact]
    public void Run_WhenItEnds_ExitsWithZeroAndStatusSaysSucceeded()
    {
        Assert.Equal(0, calm.Result.ExitCode);
        Assert.Equal("Succeeded", calm.Status.GetProperty("state").GetString());
        Assert.Equal("store", calm.Status.GetProperty("source").GetString());
        Assert.All(
            calm.Status.GetProperty("stages").EnumerateArray(),
            stage => Assert.Equal("Done", stage.GetProperty("state").GetString())
        );
    }

    [Fact]
    public void Status_WhenTheRunHasEnded_HasTheContractsFields()
    {
        var stage = calm.Status.GetProperty("stages")[1];
        foreach (
            var field in new[]
            {
                "id",
                "state",
                "step",
                "steps",
                "durableStep",
                "durableAgeSeconds",
                "epochToken",
                "preemptions",
                "lostSteps",
                "valLossNats",
                "snapshotSha256",
            }
        )
        {
            Assert.True(stage.TryGetProperty(field, out _), $"stages[] has no '{field}': {stage}");
        }

        Assert.Equal(stage.GetProperty("steps").GetInt32(), stage.GetProperty("durableStep").GetInt32());
    }

    [Fact]
    public void Ensemble_WhenAllMembersAreScored_IsBetterThanItsMembersOnAverage()
    {
        // By Jensen's inequality, whatever was trained. Whether it beats the best of four small models depends on the processor's digits.
        var ensemble = calm.Status.GetProperty("ensemble");
        Assert.Equal(4, ensemble.GetProperty("members").GetInt32());
        var loss = ensemble.GetProperty("lossNats").GetDouble();
        var alone = calm.Status.GetProperty("stages").EnumerateArray().Average(stage => stage.GetProperty("valLossNats").GetDouble());
        Assert.True(loss < alone, $"{loss} nats per token together, {alone} alone.");
    }

    [Fact]
    public void Silos_WhenTheRunHasEnded_AreGone() => Assert.Empty(Processes.SilosOf(calm.Cli.Store));

    [Fact]
    public async Task Run_WhenRunAgain_SaysThatItIsDoneAndTrainsNothing()
    {
        var again = await calm.Cli.RunAsync("run", "tiny");
        Assert.Equal(0, again.ExitCode);
        var tokens = (await calm.Cli.JsonAsync("status", "tiny"))
            .GetProperty("stages")
            .EnumerateArray()
            .Select(stage => stage.GetProperty("epochToken").GetInt32());
        Assert.Equal(
            calm.Status.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("epochToken").GetInt32()),
            tokens
        );
    }

    [Fact]
    public async Task Run_WhenTheNameHasAnotherRecipe_IsRefusedWithBothShown()
    {
        var other = await calm.Cli.RunAsync("run", "tiny", "--set", "seed=7");
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("seed", other.Error, StringComparison.Ordinal);
        Assert.Contains("42", other.Error, StringComparison.Ordinal);
        Assert.Contains("7", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfTheSpec_GivesTheSizeOfTheCheckpointsThatWereStored()
    {
        var explained = await calm.Cli.JsonAsync("spec", "explain", "run:tiny");
        var facts = await calm.Cli.FactsAsync("tiny", TestContext.Current.CancellationToken);

        Assert.Equal(4, explained.GetProperty("stages").GetArrayLength());
        foreach (var (stage, plan) in explained.GetProperty("stages").EnumerateArray().Zip(facts!.Plan.Stages))
        {
            Assert.Equal(facts.RootOf(plan.Id).Current!.LengthBytes, stage.GetProperty("checkpointBytes").GetInt64());
            Assert.Equal(facts.RootOf(plan.Id).Steps, stage.GetProperty("steps").GetInt32());
        }
    }

    [Fact]
    public async Task Export_WhenTheRunHasEnded_WritesASnapshotAStage() =>
        Assert.Equal(
            ["chain0-stage0.safetensors", "chain0-stage1.safetensors", "chain1-stage0.safetensors", "chain1-stage1.safetensors"],
            (await Weights.ExportAsync(calm.Cli, "tiny")).Keys
        );
}
