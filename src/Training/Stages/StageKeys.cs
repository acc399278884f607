using Slowrun.Training.Models;

namespace Slowrun.Training.Stages;

/// <summary>Where the stage's random numbers come from: keys that are functions of (seed, what, when).</summary>
internal static class StageKeys
{
    public static ulong Initial(int seed) => CounterRandom.Key((ulong)seed, 1);

    /// <summary>Dropout and stochastic depth of one micro-batch.</summary>
    public static ulong MicroBatch(int seed, int step, int microBatch) =>
        CounterRandom.Key(CounterRandom.Key(CounterRandom.Key((ulong)seed, 2), (ulong)step), (ulong)microBatch);
}
