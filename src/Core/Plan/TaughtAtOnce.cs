namespace Slowrun.Core.Plan;

/// <summary>
/// How many micro-batches a worker has an ensemble teach before it trains on them. Each member's weights are brought along once for all
/// of them; what was taught is kept meanwhile, so that their number is bounded by memory and not by the number of members.
/// </summary>
public static class TaughtAtOnce
{
    // As many numbers as a chunk of logits: 64 MiB, little beside a model whose micro-batches are larger.
    private const long MostNumbers = 1L << 24;

    /// <summary>At least 1; changes no byte.</summary>
    /// <param name="workers">They share a step's micro-batches.</param>
    public static int MicroBatches(StagePlan plan, int workers)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var most = plan.Stage.BatchTokens / (plan.Stage.DeviceRows * plan.Model.SequenceLength) / workers;
        return (int)Math.Clamp(MostNumbers / Each(plan), 1, Math.Max(1, most));
    }

    /// <summary>Log-probabilities that one worker keeps at once where it is alone.</summary>
    public static long Numbers(StagePlan plan) => MicroBatches(plan, 1) * Each(plan);

    private static long Each(StagePlan plan) => (long)plan.Stage.DeviceRows * plan.Model.SequenceLength * plan.Model.VocabSize;
}
