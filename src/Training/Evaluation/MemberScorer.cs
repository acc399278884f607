using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Parameters;

namespace Slowrun.Training.Evaluation;

/// <summary>Scores a finished stage's weights on a set of tokens.</summary>
public static class MemberScorer
{
    /// <summary>
    /// p(target) of every token of the set but the first, each exactly once, in order. Of a snapshot with several models: the mean of
    /// their probabilities, each with its share.
    /// </summary>
    /// <param name="plan">Of the stage that trained the weights: its loop and windows are part of the model.</param>
    /// <param name="weights">A snapshot.</param>
    /// <param name="devices">Batches are dealt to them in turn; their number changes no bit.</param>
    /// <param name="progress">Called with the number of tokens scored so far, from any thread.</param>
    /// <exception cref="InvalidDataException">The weights are not of this model.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static float[] Score(
        StagePlan plan,
        IReadOnlyList<TensorData> weights,
        TokenSet set,
        ComputeDevices devices,
        CancellationToken stop,
        Action<long>? progress = null
    )
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(devices);
        var models = CheckpointNames.Models(weights).ToList();
        var shares = CheckpointNames.Shares(weights);
        var result = new float[Math.Max(set.Length - 1, 0)];
        foreach (var (index, model) in models.Index())
        {
            var p = SetScoring.Score(
                [(plan, model)],
                set,
                devices,
                judged => progress?.Invoke(((index * (long)result.Length) + judged) / models.Count),
                stop
            )[0];
            for (var i = 0; i < p.Length; i++)
            {
                result[i] += shares[index].Times(p[i]);
            }
        }

        return result;
    }
}
