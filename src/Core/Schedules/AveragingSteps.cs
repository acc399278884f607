namespace Slowrun.Core.Schedules;

/// <summary>At which steps running averages of the weights are updated.</summary>
public static class AveragingSteps
{
    /// <summary>The first step (counted after it was taken) that may be averaged: the last tenth for a fraction of 0.9.</summary>
    public static int Start(int steps, double fromFraction) => (int)Math.Round(fromFraction * steps, MidpointRounding.ToEven);

    /// <summary>Record 9: every <paramref name="every"/>-th step from <see cref="Start"/> on.</summary>
    /// <param name="stepsTaken">Counted after the step, from 1.</param>
    public static bool IsUpdate(int stepsTaken, int steps, double fromFraction, int every) =>
        stepsTaken >= Start(steps, fromFraction) && stepsTaken % every == 0;

    /// <summary>What an update leaves of the old average, where a whole data epoch is to leave <paramref name="perEpoch"/> of it.</summary>
    public static double DecayPerUpdate(double perEpoch, int every, int steps, double dataEpochs) =>
        Math.Pow(perEpoch, every / (steps / dataEpochs));
}
