using Slowrun.Core.Models;
using Slowrun.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>Fixture B2: the 1-hour track's softcap, replays and stochastic depth on B's weights.</summary>
public sealed class LimitedParityTests
{
    [Theory]
    [InlineData("dupe_off")]
    [InlineData("dupe_on")]
    public void Forward_WithItsSoftcapAndReplays_GivesUpstreamsLosses(string name)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("B2_limited");
        var head = FixtureSet.Json("B_head_gpt");
        var io = FixtureSet.Tensors("B_head_gpt_io");
        var fixture = new GptFixture(head["config"]!.AsObject(), "B_head_gpt_weights", softcap: (double)json["logit_cap"]!);
        using var gpt = fixture.Gpt(io["rope_cos_f32"].Torch(), io["rope_sin_f32"].Torch());
        var loop = name == "dupe_on" ? GptFixture.Loop(json["dupe"], (int)json["dupe_loops"]!) : null;
        var pass = fixture.Pass(loop);

        var hidden = gpt.Hidden(fixture.Weights, io["idx"].Torch(), pass);
        var logits = gpt.Logits(fixture.Weights, hidden);

        var expected = json["results"]![name]!;
        Assert.Equal(expected["layer_trace"]!.AsArray().Select(n => (int)n!), LayerVisits.Of(fixture.Model.Layers, loop));
        Close.Max(FixtureSet.Tensors("B2_limited_io")[$"logits.{name}"].Torch().reshape(logits.shape), logits, 2e-5, "logits");
        var lm = GptFixture.CrossEntropy(logits, io["targets"].Torch()).ToDouble();
        var mtp = fixture.MtpLoss(gpt, hidden, io["targets"].Torch(), pass).ToDouble();
        Assert.Equal((double)expected["lm_loss"]!, lm, 1e-5);
        Assert.Equal((double)expected["mtp_loss"]!, mtp, 1e-5);
        Assert.Equal((double)expected["loss"]!, lm + ((double)json["mtp_weight"]! * mtp), 1e-5);
    }

    [Fact]
    public void StochasticDepth_WithUpstreamsUniforms_GivesUpstreamsLosses()
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("B2_limited");
        var expected = json["results"]!["stoch_depth_train"]!;
        var io = FixtureSet.Tensors("B_head_gpt_io");
        var fixture = new GptFixture(
            FixtureSet.Json("B_head_gpt")["config"]!.AsObject(),
            "B_head_gpt_weights",
            softcap: (double)json["logit_cap"]!
        );
        using var gpt = fixture.Gpt(io["rope_cos_f32"].Torch(), io["rope_sin_f32"].Torch());
        var uniforms = new Queue<double>(expected["uniforms_in_call_order"].Doubles());
        var maximum = (double)expected["stoch_depth"]!;
        var pass = fixture.Pass(null) with { Depth = new StochasticDepth(maximum, fixture.Model.Layers, uniforms.Dequeue) };

        var hidden = gpt.Hidden(fixture.Weights, io["idx"].Torch(), pass);
        var lm = GptFixture.CrossEntropy(gpt.Logits(fixture.Weights, hidden), io["targets"].Torch()).ToDouble();
        var mtp = fixture.MtpLoss(gpt, hidden, io["targets"].Torch(), pass).ToDouble();

        Assert.Empty(uniforms);
        Assert.Equal((double)expected["lm_loss"]!, lm, 1e-5);
        Assert.Equal((double)expected["mtp_loss"]!, mtp, 1e-5);
        Assert.All(
            expected["drop_prob"].Doubles().Index(),
            p => Assert.Equal(p.Item, StochasticDepth.Probability(maximum, fixture.Model.Layers, p.Index), 1e-12)
        );
    }
}
