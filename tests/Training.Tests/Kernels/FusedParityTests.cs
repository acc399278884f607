using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels;

/// <summary>The fused path against upstream's own numbers: fixtures A and D. E and K: OptimizerParityTests, MiniTrainingParityTests.
/// </summary>
public sealed unsafe class FusedParityTests
{
    public static TheoryData<string> Networks() => [.. FixtureSet.Json("A_rec9_gpt")["cases"]!.AsObject().Select(entry => entry.Key)];

    public static TheoryData<string> Losses() => [.. FixtureSet.Json("D_distill")["cases"]!.AsObject().Select(entry => entry.Key)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Network_OnUpstreamsWeights_GivesUpstreamsLogitsLossAndGradients(string name)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("A_rec9_gpt");
        var expected = json["cases"]![name]!;
        var io = FixtureSet.Tensors("A_rec9_gpt_io");
        var model = new GptFixture(json["config"]!.AsObject(), "A_rec9_gpt_weights").Model;
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, new OptimizerRecipe())), CPU);
        parameters.Load([.. FixtureSet.Tensors("A_rec9_gpt_weights").Values]);
        using var rotary = new RotaryTable(
            io[$"rope_cos_{expected["rope"]}"].Torch().to(ScalarType.Float32),
            io[$"rope_sin_{expected["rope"]}"].Torch().to(ScalarType.Float32)
        );
        using var lane = new LaneBuffer(model, parameters);
        var idx = io["idx"].Torch();
        long batch = idx.shape[0],
            length = idx.shape[1],
            rows = batch * length;
        using var gpt = new FusedGpt(model, rotary, (int)batch, (int)length);
        var pass = new ForwardPass { Loop = GptFixture.Loop(expected["dupe"]), Windows = AttentionWindows.Of(model) };
        // A last token that no input is.
        var tokens = cat([idx, zeros([batch, 1], ScalarType.Int64)], 1);
        var targets = io["targets"].Torch().reshape(-1).data<long>().ToArray();
        var logits = empty([rows, model.VocabSize]);
        using var values = new Matrix(logits);
        using var scratch = Matrix.Empty(1, model.VocabSize);
        var terms = new LossTerms((float)model.Softcap, 1, 1.0 / targets.Count(target => target >= 0), 0, false);

        gpt.Forward(lane.FusedWeights, tokens, pass, keep: true);
        Matrix.ProductTransposed(values, gpt.Hidden, lane.FusedWeights.Unembedding);
        var capped = logits.div(model.Softcap).tanh().mul(model.Softcap);
        var loss = LossKernel.Run(values.Data, null, [new(targets, 1, 0)], 0, terms, scratch.Data, (int)rows, model.VocabSize);
        Matrix.Product(gpt.HiddenGradient, values, lane.FusedWeights.Unembedding);
        Matrix.AddTransposedProduct(lane.FusedGradients.Unembedding, values, gpt.Hidden);
        gpt.Backward(lane.FusedWeights, lane.FusedGradients, pass);

        Close.Max(io[$"logits.{name}"].Torch().reshape(capped.shape), capped, 2e-5, "logits");
        Assert.Equal((double)expected["loss"]!, loss, 1e-5);
        var exact = (string?)expected["grads_file"] is { } file ? FixtureSet.Tensors(Path.GetFileNameWithoutExtension(file)) : null;
        foreach (var place in parameters.Layout.Parameters)
        {
            if (exact is not null)
            {
                Close.RelativeL2(exact[place.Name].Torch(), lane.Gradients[place.Name], 5e-5, place.Name);
            }

            Close.Fingerprint(expected["grads"]![place.Name]!, lane.Gradients[place.Name], 5e-5, place.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void Loss_OfUpstreamsLogits_IsUpstreams(string name)
    {
        using var scope = NewDisposeScope();
        var expected = FixtureSet.Json("D_distill")["cases"]![name]!;
        var io = FixtureSet.Tensors("D_distill");
        var (alpha, temperature) = ((double)expected["alpha"]!, (double)expected["temperature"]!);
        var smoothing = (double)expected["label_smoothing"]!;
        var all = io[(string)expected["targets"]!].Torch().reshape(-1);
        // Positions that count: a micro-batch has no other.
        var counted = all.ne(TrainingLoss.Ignored).nonzero().reshape(-1);
        Tensor Rows(string tensor) => io[tensor].Torch().flatten(0, 1).index_select(0, counted).contiguous();
        var (student, teacher, gradient) = (Rows("student_logits"), Rows("teacher_logits"), Rows($"{name}.grad_student"));
        var targets = all.index_select(0, counted).data<long>().ToArray();
        var v = (int)student.shape[1];
        using var scratch = Matrix.Empty(1, v);
        // A cap so far away that it changes nothing.
        var terms = new LossTerms(
            1e5f,
            temperature,
            (1 - alpha) / targets.Length,
            alpha * temperature * temperature / targets.Length,
            false
        );

        var loss = LossKernel.Run(
            Matrix.Address(student),
            Matrix.Address(teacher),
            [new(targets, 1, smoothing)],
            0,
            terms,
            scratch.Data,
            targets.Length,
            v
        );

        var ahead = (double)expected["mtp_weight"]! * (double)expected["mtp_loss_input"]!;
        Assert.Equal((double)expected["loss"]!, loss + ((1 - alpha) * ahead), 1e-5);
        Close.Max(gradient, student, 1e-6, "gradient");
    }
}
