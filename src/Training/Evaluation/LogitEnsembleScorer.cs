using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Parameters;

namespace Slowrun.Training.Evaluation;

/// <summary>Scores members whose logits are averaged: unlike probabilities, logits are not in the stored scores.</summary>
public static class LogitEnsembleScorer
{
    /// <summary>p(target) of every token of the set but the first, by the first 1, 2, … members. All are in memory at once.</summary>
    /// <param name="members">Each stage's plan and snapshot, in the ensemble's order.</param>
    /// <param name="devices">Batches are dealt to them in turn; their number changes no bit.</param>
    /// <exception cref="InvalidDataException">A snapshot is not of its model.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static IReadOnlyList<float[]> Score(
        IReadOnlyList<(StagePlan Plan, IReadOnlyList<TensorData> Snapshot)> members,
        TokenSet set,
        ComputeDevices devices,
        CancellationToken stop
    )
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(devices);
        return SetScoring.Score(
            [.. members.Select(member => (member.Plan, CheckpointNames.Last(member.Snapshot)))],
            set,
            devices,
            null,
            stop
        );
    }
}
