using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>What people take out of a run that has ended, with the real engine.</summary>
[Collection(Cli.Waiting)]
public sealed class ResultsTests(CalmTiny calm)
{
    [Fact]
    public async Task Ensemble_OfTheRun_IsWhatItsSiloComputed()
    {
        var mixed = await calm.Cli.JsonAsync("ensemble", "tiny");

        var computed = calm.Status.GetProperty("ensemble");
        Assert.Equal(computed.GetProperty("lossNats").GetDouble(), mixed.GetProperty("lossNats").GetDouble());
        Assert.Equal(computed.GetProperty("bitsPerByte").GetDouble(), mixed.GetProperty("bitsPerByte").GetDouble());
    }

    [Fact]
    public async Task Eval_OnTheRunsOwnData_GivesTheLossThatStatusShows()
    {
        var judged = await calm.Cli.JsonAsync("eval", "tiny/chain0/stage1");

        var stage = calm
            .Status.GetProperty("stages")
            .EnumerateArray()
            .Single(stage => stage.GetProperty("id").GetString() == "chain0/stage1");
        Assert.Equal(stage.GetProperty("valLossNats").GetDouble(), judged.GetProperty("lossNats").GetDouble());
        Assert.Equal(stage.GetProperty("valBitsPerByte").GetDouble(), judged.GetProperty("bitsPerByte").GetDouble());
        Assert.Equal(stage.GetProperty("snapshotSha256").GetString(), judged.GetProperty("snapshotSha256").GetString());
    }

    [Fact]
    public async Task Eval_OnADeviceThatIsNotThere_SaysSo()
    {
        var refused = await calm.Cli.RunAsync("eval", "tiny/chain0/stage1", "--device", "cuda:9");

        Assert.Equal(2, refused.ExitCode);
        Assert.StartsWith("slowrun: --device 'cuda:9' names a CUDA device that is not here", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sample_WithTheSameSeed_WritesTheSameText()
    {
        string[] ask = ["sample", "tiny", "--ensemble", "--prompt", "Returns the ", "--tokens", "60", "--temperature", "0.7", "--seed"];

        var (first, again, other) = (
            await calm.Cli.JsonAsync([.. ask, "5"]),
            await calm.Cli.RunAsync([.. ask, "5"]),
            await calm.Cli.JsonAsync([.. ask, "6"])
        );

        Assert.Equal(0, again.ExitCode);
        Assert.Equal($"Returns the {Text(first)}", again.Output.TrimEnd('\n'));
        Assert.NotEqual(Text(first), Text(other));
        Assert.InRange(first.GetProperty("tokens").GetArrayLength(), 1, 60);
    }

    [Fact]
    public async Task Sample_OfAMember_IsItsOwnAndNotTheEnsembles()
    {
        string[] how = ["--prompt", "The ", "--tokens", "40", "--seed", "1"];

        Assert.NotEqual(
            Text(await calm.Cli.JsonAsync(["sample", "tiny/chain0/stage0", .. how])),
            Text(await calm.Cli.JsonAsync(["sample", "tiny/chain1/stage1", .. how]))
        );
    }

    private static string Text(JsonElement sampled) => sampled.GetProperty("text").GetString()!;
}
