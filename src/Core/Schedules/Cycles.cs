namespace Slowrun.Core.Schedules;

/// <summary>What changes from stage to stage of a chain of continued stages (record 12's cycles).</summary>
public static class Cycles
{
    /// <summary>
    /// Tokens of a step: a triangle over the cycles, cut at half its height. One cycle has the peak; the outer ones of several have the
    /// floor.
    /// </summary>
    /// <param name="cycle">From 0.</param>
    public static int BatchTokens(int cycle, int cycles, int peak, int floor)
    {
        if (cycles == 1)
        {
            return peak;
        }

        var amplitude = 1 - Math.Abs((2.0 * cycle / (cycles - 1)) - 1);
        return amplitude >= 0.5 ? peak : floor;
    }

    /// <summary>How strongly weights are perturbed after a cycle: from <paramref name="maximum"/> to <paramref name="minimum"/> along a
    /// cosine.</summary>
    /// <param name="cycle">The cycle that has ended, from 1; after the last nothing is perturbed.</param>
    public static double PerturbationScale(int cycle, int cycles, double maximum, double minimum)
    {
        var progress = (cycle - 1) / (double)Math.Max(1, cycles - 2);
        return minimum + ((maximum - minimum) * (1 + Math.Cos(Math.PI * progress)) / 2);
    }

    /// <summary>Seed of the noise after a cycle, as upstream's.</summary>
    /// <param name="seed">The chain's.</param>
    /// <param name="cycle">From 1.</param>
    public static long PerturbationSeed(long seed, int cycle) => (seed * 100_003) + (cycle * 31_337L);
}
