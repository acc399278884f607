using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slowrun.Training.Models;

namespace Slowrun.Training.Kernels;

/// <summary>The masks of <see cref="Dropout"/>, bit for bit, computed in registers when they are applied and again in the backward
/// pass.</summary>
/// <param name="key">The random key of one place in the network.</param>
/// <param name="threshold">A value is dropped if its 32 random bits are below it; 0: no dropout.</param>
/// <param name="scale">Factor of the values that are kept.</param>
internal readonly struct DropoutMask(ulong key, uint threshold, float scale)
{
    private static readonly Vector512<ulong> Steps = Vector512.Create(
        0,
        CounterRandom.Gamma,
        unchecked(2 * CounterRandom.Gamma),
        unchecked(3 * CounterRandom.Gamma),
        unchecked(4 * CounterRandom.Gamma),
        unchecked(5 * CounterRandom.Gamma),
        unchecked(6 * CounterRandom.Gamma),
        unchecked(7 * CounterRandom.Gamma)
    );

    public ulong Key => key;

    public uint Threshold => threshold;

    public float Scale => scale;

    /// <summary>A mask that drops nothing.</summary>
    public static DropoutMask None => new(0, 0, 1);

    public static DropoutMask Of(ulong key, double probability) => new(key, Dropout.Threshold(probability), (float)(1 / (1 - probability)));

    /// <summary>Multiplies x with the scale where it is kept, and with 0 where it is dropped.</summary>
    /// <param name="index">Index of the first of the sixteen values within its tensor; even.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Apply(Vector512<float> x, long index)
    {
        if (threshold == 0)
        {
            return x;
        }

        // CounterRandom.At of eight counters. Each gives the bits of two values; the low half belongs to the first.
        var z = Vector512.Create(unchecked(key + (((ulong)(index >> 1) + 1) * CounterRandom.Gamma))) + Steps;
        z = (z ^ (z >>> 30)) * Vector512.Create(CounterRandom.FirstFactor);
        z = (z ^ (z >>> 27)) * Vector512.Create(CounterRandom.SecondFactor);
        z ^= z >>> 31;
        var kept = Vector512.GreaterThanOrEqual(z.AsUInt32(), Vector512.Create(threshold)).AsSingle();
        return x * Vector512.ConditionalSelect(kept, Vector512.Create(scale), Vector512<float>.Zero);
    }
}
