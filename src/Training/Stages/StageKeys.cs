using Slowrun.Core.Randomness;

namespace Slowrun.Training.Stages;

/// <summary>Keys of the stage's random numbers: functions of (seed, what, when).</summary>
internal static class StageKeys
{
    public static ulong Initial(int seed) => (ulong)Seeds.Derive(seed, "init");

    /// <summary>Dropout and stochastic depth of one micro-batch.</summary>
    public static ulong MicroBatch(int seed, int step, int microBatch) => (ulong)Seeds.Derive(seed, "micro-batch", step, microBatch);
}
