using Slowrun.Training.Numerics;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Evaluation;

/// <summary>Upstream's older way of averaging members (up to record 9): the softmax of the mean of their logits.</summary>
internal static class LogitAverage
{
    /// <summary>p(target) by the first 1, 2, … members; of the first alone, its own.</summary>
    /// <param name="logits">Each member's, [N, V] float; read one after the other.</param>
    /// <param name="targets">[N, 1] int64.</param>
    /// <returns>[N, 1] each, in the caller's dispose scope.</returns>
    public static IEnumerable<Tensor> TargetProbabilities(IEnumerable<Tensor> logits, Tensor targets)
    {
        Tensor? sum = null;
        var members = 0;
        foreach (var member in logits)
        {
            sum = sum is null ? member : sum.add(member, Scalars.One);
            members++;
            var mean = members == 1 ? sum : sum.div(Scalars.Of(members));
            yield return F.log_softmax(mean, -1).gather(1, targets).exp();
        }
    }
}
