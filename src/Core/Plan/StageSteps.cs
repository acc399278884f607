namespace Slowrun.Core.Plan;

/// <summary>How long a stage is.</summary>
public static class StageSteps
{
    /// <summary>
    /// Optimizer steps of the stage: N = round(tokens of an epoch · epochs / tokens of a batch), halves to even as upstream's Python rounds.
    /// </summary>
    /// <exception cref="OverflowException">More steps than an int counts.</exception>
    public static int Of(StagePlan plan, long trainTokens)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return checked((int)Math.Round(trainTokens * plan.Stage.Epochs / plan.Stage.BatchTokens, MidpointRounding.ToEven));
    }
}
