namespace Slowrun.Core.Randomness;

/// <summary>Permutations of NumPy's legacy <c>RandomState</c>, which upstream's 1-hour track orders its rows with.</summary>
public static class NumpyPermutation
{
    /// <summary><c>numpy.random.RandomState(seed).permutation(n)</c>.</summary>
    public static int[] Of(long seed, int n)
    {
        var generator = new Mt19937(seed);
        var permutation = new int[n];
        for (var i = 0; i < n; i++)
        {
            permutation[i] = i;
        }

        for (var i = n - 1; i > 0; i--)
        {
            var other = (int)Below(generator, (uint)i);
            (permutation[i], permutation[other]) = (permutation[other], permutation[i]);
        }

        return permutation;
    }

    /// <summary>Uniform in 0..max: numbers of as many bits, drawn until one fits.</summary>
    private static uint Below(Mt19937 generator, uint max)
    {
        var mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(max);
        uint value;
        do
        {
            value = generator.NextUInt32() & mask;
        } while (value > max);
        return value;
    }
}
