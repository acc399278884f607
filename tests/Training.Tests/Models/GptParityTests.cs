using System.Text.Json.Nodes;
using Slowrun.Core.Models;
using Slowrun.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>Fixtures A (record 9) and B (head: mixed heads, multi-token block): logits, losses and every gradient.</summary>
public sealed class GptParityTests
{
    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var family in (string[])["A_rec9_gpt", "B_head_gpt"])
        {
            foreach (var (name, _) in FixtureSet.Json(family)["cases"]!.AsObject())
            {
                data.Add(family, name);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_OnUpstreamsWeights_GivesUpstreamsLogitsLossAndGradients(string family, string name)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json(family);
        var expected = json["cases"]![name]!;
        var io = FixtureSet.Tensors(family + "_io");
        var fixture = new GptFixture(json["config"]!.AsObject(), family + "_weights");
        using var gpt = fixture.Gpt(io[$"rope_cos_{expected["rope"]}"].Torch(), io[$"rope_sin_{expected["rope"]}"].Torch());
        var (idx, targets) = (io["idx"].Torch(), io["targets"].Torch());
        var pass = fixture.Pass(GptFixture.Loop(expected["dupe"]));

        var hidden = gpt.Hidden(fixture.Weights, idx, pass);
        var logits = gpt.Logits(fixture.Weights, hidden);
        var loss = GptFixture.CrossEntropy(logits, targets);
        if (fixture.Model.MtpBlock)
        {
            var mtp = fixture.MtpLoss(gpt, hidden, targets, pass);
            Close(expected["extra"]!["lm_loss"]!, loss);
            Close(expected["extra"]!["mtp_loss"]!, mtp);
            Close(expected["extra"]!["lm_loss_label_smoothing_0p1"]!, GptFixture.CrossEntropy(logits, targets, 0.1));
            loss = loss.add(mtp.mul((double)json["config"]!["mtp_weight"]!));
        }

        loss.backward();

        fixture.AssertMatchesTable();
        Tests.Close.Max(io[$"logits.{name}"].Torch().reshape(logits.shape), logits, 2e-5, "logits");
        Close(expected["loss"]!, loss);
        var exact = (string?)expected["grads_file"] is { } file ? FixtureSet.Tensors(Path.GetFileNameWithoutExtension(file)) : null;
        foreach (var (parameter, tensor) in fixture.Parameters)
        {
            if (exact is not null)
            {
                Tests.Close.RelativeL2(exact[parameter].Torch(), tensor.grad!, 5e-5, parameter);
            }

            Tests.Close.Fingerprint(expected["grads"]![parameter]!, tensor.grad!, 5e-5, parameter);
        }

        static void Close(JsonNode expected, Tensor loss) => Assert.Equal((double)expected, loss.ToDouble(), 1e-5);
    }

    [Theory]
    [InlineData("A_rec9_gpt", "dupe_on__rope_f32")]
    [InlineData("B_head_gpt", "dupe_off__rope_f32")]
    public void Forward_InDouble_GivesTheLossToNineDecimals(string family, string name)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json(family);
        var expected = json["cases"]![name]!;
        var io = FixtureSet.Tensors(family + "_io");
        var fixture = new GptFixture(json["config"]!.AsObject(), family + "_weights", ScalarType.Float64);
        using var gpt = fixture.Gpt(io["rope_cos_f32"].Torch(), io["rope_sin_f32"].Torch());
        var pass = fixture.Pass(GptFixture.Loop(expected["dupe"]));

        var logits = gpt.Logits(fixture.Weights, gpt.Hidden(fixture.Weights, io["idx"].Torch(), pass));
        var loss = GptFixture.CrossEntropy(logits, io["targets"].Torch()).ToDouble();

        Assert.Equal((double)(expected["extra"]!["lm_loss"] ?? expected["loss"])!, loss, 1e-9);
    }

    [Theory]
    [InlineData("A_rec9_gpt")]
    [InlineData("B_head_gpt")]
    public void LayerVisits_OfUpstreamsLoop_AreUpstreams(string family)
    {
        var json = FixtureSet.Json(family);
        var loop = GptFixture.Loop(json["cases"]!["dupe_on__rope_f32"]!["dupe"]);

        var visits = LayerVisits.Of((int)json["config"]!["n_layer"]!, loop);

        Assert.Equal(json["layer_trace_dupe_on"]!.AsArray().Select(n => (int)n!), visits);
    }

    [Fact]
    public void RotaryTable_OfUpstreamsSize_IsUpstreams()
    {
        using var scope = NewDisposeScope();
        var fixture = new GptFixture(FixtureSet.Json("A_rec9_gpt")["config"]!.AsObject(), "A_rec9_gpt_weights");
        var io = FixtureSet.Tensors("A_rec9_gpt_io");
        foreach (var (precision, name) in new[] { (Core.Recipes.RopePrecision.F32, "f32"), (Core.Recipes.RopePrecision.BF16, "bf16") })
        {
            using var ours = RotaryTable.Of(fixture.Model with { RopePrecision = precision }, CPU);
            using var theirs = new RotaryTable(
                io[$"rope_cos_{name}"].Torch().to(ScalarType.Float32),
                io[$"rope_sin_{name}"].Torch().to(ScalarType.Float32)
            );
            var heads = randn(1, fixture.Model.SequenceLength, 3, fixture.Model.Width / fixture.Model.Heads);

            Close.Max(theirs.Turn(heads), ours.Turn(heads), 2e-6, name);
        }
    }
}
