using Slowrun.Training.Distillation;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Tests.Distillation;

/// <summary>Fixture D: hard and soft loss of record 9 and of head, with their gradients.</summary>
public sealed class DistillationParityTests
{
    public static TheoryData<string> Cases() => [.. FixtureSet.Json("D_distill")["cases"]!.AsObject().Select(entry => entry.Key)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loss_OfUpstreamsLogits_IsUpstreams(string name)
    {
        using var scope = NewDisposeScope();
        var expected = FixtureSet.Json("D_distill")["cases"]![name]!;
        var io = FixtureSet.Tensors("D_distill");
        var (alpha, temperature) = ((double)expected["alpha"]!, (double)expected["temperature"]!);
        var student = io["student_logits"].Torch().flatten(0, 1).requires_grad_(true);
        var teacher = io["teacher_logits"].Torch().flatten(0, 1);
        var targets = io[(string)expected["targets"]!].Torch().reshape(-1);
        var valid = (double)targets.ne(TrainingLoss.Ignored).sum().ToInt64();

        var hard = TrainingLoss
            .CrossEntropySum(F.log_softmax(student, -1), targets, (double)expected["label_smoothing"]!, hasIgnored: true)
            .div(valid);
        var soft = TrainingLoss.KlSum(F.log_softmax(student.div(temperature), -1), teacher, temperature, targets).div(valid);
        var ahead = (double)expected["mtp_weight"]! * (double)expected["mtp_loss_input"]!;
        var loss = hard.add(ahead).mul(1 - alpha).add(soft.mul(alpha));
        loss.backward();

        Assert.Equal((double)expected["ce"]!, hard.ToDouble(), 1e-5);
        Assert.Equal((double)expected["kl"]!, soft.ToDouble(), 1e-5);
        Assert.Equal((double)expected["loss"]!, loss.ToDouble(), 1e-5);
        Close.Max(io[$"{name}.grad_student"].Torch().flatten(0, 1), student.grad!, 1e-6, "gradient");
    }

    [Fact]
    public void Loss_OnValidation_IsUpstreams()
    {
        using var scope = NewDisposeScope();
        var expected = FixtureSet.Json("D_distill")["rec9_val"]!;
        var io = FixtureSet.Tensors("D_distill");
        var (alpha, temperature) = ((double)expected["alpha"]!, (double)expected["temperature"]!);
        var student = io["student_logits"].Torch().flatten(0, 1);
        var teacher = io["teacher_logits"].Torch().flatten(0, 1);
        var targets = io[(string)expected["targets"]!].Torch().reshape(-1);
        var valid = (double)targets.ne(TrainingLoss.Ignored).sum().ToInt64();

        var hard = TrainingLoss.CrossEntropySum(F.log_softmax(student, -1), targets, 0, hasIgnored: true).div(valid).ToDouble();
        var soft = TrainingLoss.KlSum(F.log_softmax(student.div(temperature), -1), teacher, temperature, targets).div(valid).ToDouble();
        var taught = TrainingLoss.CrossEntropySum(F.log_softmax(teacher, -1), targets, 0, hasIgnored: true).div(valid).ToDouble();

        Assert.Equal((double)expected["val_kl"]!, soft, 1e-5);
        Assert.Equal((double)expected["val_combined"]!, ((1 - alpha) * hard) + (alpha * soft), 1e-5);
        Assert.Equal((double)expected["teacher_val_ce"]!, taught, 1e-5);
    }
}
