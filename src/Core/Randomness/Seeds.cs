using System.Text;

namespace Slowrun.Core.Randomness;

/// <summary>
/// Where every random decision of a stage comes from: a 64-bit seed that is a fixed function of (stage seed, what, step, part). No
/// generator's state is ever carried from step to step, so nothing of it has to be saved. The function must never change: the bytes of
/// every run that goes on after an upgrade depend on it.
/// </summary>
public static class Seeds
{
    /// <param name="seed">The stage's (<see cref="Plan.StagePlan.Seed"/>).</param>
    /// <param name="what">What is drawn: <c>init</c>, <c>dropout</c>, …</param>
    /// <param name="step">The optimizer step, where there is one.</param>
    /// <param name="part">Micro-batch, layer, …, where there is one.</param>
    /// <returns>
    /// SplitMix64's finalizer, chained: h = mix(seed + φ), then h = mix((h xor x) + φ) for x = FNV-1a of <paramref name="what"/>, step and
    /// part, where φ = 0x9e3779b97f4a7c15. Not negative, as generators want it.
    /// </returns>
    public static long Derive(long seed, string what, long step = 0, long part = 0)
    {
        ArgumentNullException.ThrowIfNull(what);
        unchecked
        {
            var h = Mix((ulong)seed);
            h = Mix(h ^ Fnv1a(what));
            h = Mix(h ^ (ulong)step);
            return (long)(Mix(h ^ (ulong)part) & long.MaxValue);
        }
    }

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return z ^ (z >> 31);
        }
    }

    private static ulong Fnv1a(string text)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = unchecked((hash ^ b) * 0x100000001b3);
        }

        return hash;
    }
}
