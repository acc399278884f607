using Slowrun.Training.Numerics;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Distillation;

/// <summary>
/// The hard and the soft loss of a chunk of positions, as sums over positions: a caller divides by the count, so that chunks can be added.
/// </summary>
internal static class TrainingLoss
{
    /// <summary>A target that is left out of the loss.</summary>
    public const long Ignored = -1;

    private static readonly long[] Last = [-1];

    /// <summary>Σ -ln q(target), in nats; with smoothing s: (1-s)·that + s·mean over the vocabulary of -ln q (arXiv:1512.00567).</summary>
    /// <param name="logProbabilities">[N, V], ln q.</param>
    /// <param name="targets">[N] int64; <see cref="Ignored"/> counts nothing.</param>
    /// <param name="hasIgnored">Whether any target is ignored; false where a caller knows that none is.</param>
    public static Tensor CrossEntropySum(Tensor logProbabilities, Tensor targets, double labelSmoothing, bool hasIgnored = false)
    {
        // nll_loss takes no ignore_index here and ignores torch's default, -100.
        var counted = hasIgnored ? targets.masked_fill(targets.eq(Scalars.Of(Ignored)), Scalars.Of(-100)) : targets;
        var hard = F.nll_loss(logProbabilities, counted, null, nn.Reduction.Sum);
        if (labelSmoothing == 0)
        {
            return hard;
        }

        var flat = logProbabilities.mean(Last);
        flat = hasIgnored ? flat.mul(targets.ne(Scalars.Of(Ignored)).to(flat.dtype)) : flat;
        return hard.mul(Scalars.Of(1 - labelSmoothing)).sub(flat.sum().mul(Scalars.Of(labelSmoothing)));
    }

    /// <summary>T²·Σ KL(teacher ‖ student) at temperature T, in nats (arXiv:1503.02531).</summary>
    /// <param name="studentLogProbabilities">[N, V]: ln softmax(student/T), with gradient.</param>
    /// <param name="teacherLogits">[N, V], detached.</param>
    /// <param name="targets">[N] int64: positions with an ignored target count nothing. Null: all count.</param>
    public static Tensor KlSum(Tensor studentLogProbabilities, Tensor teacherLogits, double temperature, Tensor? targets = null)
    {
        var teacher = F.log_softmax(temperature == 1 ? teacherLogits : teacherLogits.div(Scalars.Of(temperature)), -1);
        return KlSumOf(studentLogProbabilities, teacher, temperature, targets);
    }

    /// <summary>As <see cref="KlSum"/>, of a teacher whose distribution at temperature T is known.</summary>
    /// <param name="teacher">[N, V]: its logarithm, detached.</param>
    public static Tensor KlSumOf(Tensor studentLogProbabilities, Tensor teacher, double temperature, Tensor? targets = null)
    {
        var difference = teacher.sub(studentLogProbabilities).mul(teacher.exp());
        difference = targets is null ? difference : difference.mul(targets.ne(Scalars.Of(Ignored)).to(difference.dtype).unsqueeze(-1));
        var sum = difference.sum();
        return temperature == 1 ? sum : sum.mul(Scalars.Of(temperature * temperature));
    }
}
