using System.Text.Json.Nodes;
using Slowrun.Core.Mixtures;

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
            Result(name)["weights"]?.Doubles());

        Hold(name, mixture.LossNats(), mixture.BitsPerByte([.. Positions.Select(i => tokenBytes[targets[i]])]));
    }

    [Fact]
    public void RunningLossNats_OfTheMembers_BeginsWithTheFirstAlone()
    {
        var running = Mixture.RunningLossNats(Enumerable.Range(0, Members).Select(m => (ReadOnlyMemory<float>)Probabilities(m)));

        Assert.Equal(Members, running.Count);
        Assert.Equal((double)Result("single_0")["loss"]!, running[0], 1e-5);
        Assert.Equal((double)Result("prob_avg_all")["loss"]!, running[^1], 1e-5);
    }

    [Fact]
    public void Nats_OfEachMemberAlone_AreUpstreamsLosses()
    {
        for (var m = 0; m < Members; m++)
        {
            HoldLogits(string.Create(null, $"single_{m}"), [m]);
        }
    }

    [Theory]
    [InlineData("logit_avg_all", 0)]
    [InlineData("logit_avg_excl_model0", 1)]
    public void Nats_OfTheLogitAverage_AreUpstreams(string name, int first) => HoldLogits(name, [.. Enumerable.Range(first, Members - first)]);

    private void HoldLogits(string name, int[] members)
    {
        var bits = new BitsPerByte();
        double loss = 0;
        foreach (var i in Positions)
        {
            var nats = LogitAverage.Nats([.. members.Select(m => Logits(m, i))], (int)targets[i]);
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

    private ReadOnlyMemory<float> Logits(int member, int position) =>
        logits.AsMemory(((member * targets.Length) + position) * Vocabulary, Vocabulary);

    private float[] Probabilities(int member) =>
        [.. Positions.Select(i => (float)Math.Exp(-LogitAverage.Nats([Logits(member, i)], (int)targets[i])))];
}
