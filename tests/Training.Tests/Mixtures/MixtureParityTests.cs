using System.Text.Json.Nodes;
using Slowrun.Core.Mixtures;
using Slowrun.Training.Evaluation;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Mixtures;

/// <summary>Family J: losses and bits per byte of mixtures.</summary>
public sealed class MixtureParityTests
{
    private readonly JsonObject json = FixtureSet.Json("J_ensemble");
    private readonly float[] logits = FixtureSet.Tensors("J_ensemble")["logits"].Floats();
    private readonly long[] targets = FixtureSet.Tensors("J_ensemble")["targets"].Longs();
    private readonly int[] tokenBytes = FixtureSet.Tensors("J_ensemble")["token_bytes"].Ints();

    private int Members => (int)json["M"]!;

    private int Vocabulary => (int)json["V"]!;

    /// <summary>Positions with a target. (Our evaluation sets have no others.)</summary>
    private int[] Positions => [.. Enumerable.Range(0, targets.Length).Where(i => targets[i] >= 0)];

    [Theory]
    [InlineData("prob_avg_all")]
    [InlineData("prob_avg_weighted")]
    public void Of_TheMembers_IsUpstreamsProbabilityAverage(string name)
    {
        var mixture = Mixture.Of(
            Enumerable.Range(0, Members).Select(m => (ReadOnlyMemory<float>)Probabilities(m)),
            Result(name)["weights"]?.Doubles()
        );

        Hold(name, mixture.LossNats(), mixture.BitsPerByte([.. Positions.Select(i => tokenBytes[targets[i]])]));
    }

    [Fact]
    public void LossNats_OfTheRunningMixture_BeginsWithTheFirstAlone()
    {
        var running = new RunningMixture();
        for (var m = 0; m < Members; m++)
        {
            running.Add(Probabilities(m));
        }

        Assert.Equal(Members, running.LossNats.Count);
        Assert.Equal((double)Result("single_0")["loss"]!, running.LossNats[0], 1e-5);
        Assert.Equal((double)Result("prob_avg_all")["loss"]!, running.LossNats[^1], 1e-5);
    }

    [Fact]
    public void TargetProbabilities_OfEachMemberAlone_HaveUpstreamsLosses()
    {
        for (var m = 0; m < Members; m++)
        {
            HoldLogits(string.Create(null, $"single_{m}"), [m]);
        }
    }

    [Theory]
    [InlineData("logit_avg_all", 0)]
    [InlineData("logit_avg_excl_model0", 1)]
    public void TargetProbabilities_OfTheLogitAverage_HaveUpstreamsLosses(string name, int first) =>
        HoldLogits(name, [.. Enumerable.Range(first, Members - first)]);

    private void HoldLogits(string name, int[] members)
    {
        var bits = new BitsPerByte();
        double loss = 0;
        foreach (var (i, p) in Positions.Zip(OfLogits(members)))
        {
            var nats = -Math.Log(p);
            bits.Add(nats, tokenBytes[targets[i]]);
            loss += nats / Positions.Length;
        }

        Hold(name, loss, bits.Value);
    }

    private void Hold(string name, double loss, double bitsPerByte)
    {
        Assert.Equal((double)Result(name)["loss"]!, loss, 1e-5);

        // Upstream counts the last token's bytes for each ignored target, though not its loss.
        var bytes = Positions.Sum(i => tokenBytes[targets[i]]);
        var phantom = (targets.Length - Positions.Length) * tokenBytes[^1];
        Assert.Equal((double)Result(name)["bpb"]!, bitsPerByte * bytes / (bytes + phantom), 1e-5);
    }

    private JsonNode Result(string name) => json["results"]!["f64"]![name]!;

    private float[] Probabilities(int member) => OfLogits([member]);

    /// <summary>p(target) at every position that has one, by the average of the members' logits.</summary>
    private float[] OfLogits(int[] members)
    {
        using var scope = NewDisposeScope();
        var all = tensor(logits)
            .view(Members, targets.Length, Vocabulary)
            .index_select(1, tensor(Positions.Select(i => (long)i).ToArray()));
        var wanted = tensor(Positions.Select(i => targets[i]).ToArray()).unsqueeze(1);
        return [.. LogitAverage.TargetProbabilities(members.Select(m => all[m]), wanted).Last().data<float>()];
    }
}
