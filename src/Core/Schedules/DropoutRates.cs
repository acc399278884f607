namespace Slowrun.Core.Schedules;

/// <summary>The probability of dropout at a step, as upstream's trial in the 1-hour track computes it (5c3894a).</summary>
public static class DropoutRates
{
    /// <summary>
    /// <paramref name="start"/> up to a data epoch, then along a line to <paramref name="end"/>. Upstream sets it after each update, so
    /// that a step has the value of the one before it, and none has the last.
    /// </summary>
    /// <param name="step">From 0.</param>
    /// <param name="fromEpoch">The data epoch, counted from 1, with which the line begins; its step is rounded, to even.</param>
    public static double At(int step, int steps, double dataEpochs, double start, double end, int fromEpoch)
    {
        LearningRates.CheckStep(step, steps);
        var before = Math.Max(0, step - 1);
        var first = (int)Math.Round(Math.Min((fromEpoch - 1) / dataEpochs, 1) * steps, MidpointRounding.ToEven);
        return before < first ? start : start + (Math.Min(1, (double)(before - first) / Math.Max(1, steps - first)) * (end - start));
    }
}
