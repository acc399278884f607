namespace Slowrun.Training.Models;

/// <summary>SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) read at any position: random bits as a function of key and counter.</summary>
internal static class CounterRandom
{
    public const ulong Gamma = 0x9E3779B97F4A7C15;
    public const ulong FirstFactor = 0xBF58476D1CE4E5B9;
    public const ulong SecondFactor = 0x94D049BB133111EB;

    /// <summary>64 random bits.</summary>
    public static ulong At(ulong key, ulong counter)
    {
        var z = key + ((counter + 1) * Gamma);
        z = (z ^ (z >> 30)) * FirstFactor;
        z = (z ^ (z >> 27)) * SecondFactor;
        return z ^ (z >> 31);
    }

    /// <summary>A key that follows from another one.</summary>
    public static ulong Key(ulong key, ulong what) => At(At(key, what), 0);

    /// <summary>A number in [0, 1).</summary>
    public static double Uniform(ulong key, ulong counter) => (At(key, counter) >> 11) * (1.0 / (1UL << 53));
}
