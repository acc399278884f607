using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Core.Mixtures;

/// <summary>
/// Arithmetic on blocks of members' probabilities, in double precision and in one order on every machine: wider vectors would add in
/// another one, and give other bits. Compiled for speed at the first call: the runtime's first version of vector code is many times
/// slower, and a small mixture is over before there is a second.
/// </summary>
internal static class BlockArithmetic
{
    /// <summary>A block of a few hundred members stays in the second-level cache while it is read several times.</summary>
    public const int Block = 1024;

    // Of numbers not below 1e-12: their product is not below 1e-192, which double precision still holds with all its digits.
    private const int FactorsOfALogarithm = 16;

    /// <summary>into += scale · x, each number as the scalar expression would give it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(ReadOnlySpan<float> x, double scale, Span<double> into)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(into.Length, x.Length);
        ref var sums = ref MemoryMarshal.GetReference(into);
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            (Vector256.LoadUnsafe(ref sums, (nuint)i) + (scale * Widened(x, i))).StoreUnsafe(ref sums, (nuint)i);
        }

        for (; i < x.Length; i++)
        {
            into[i] += scale * x[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<double> y)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(y.Length, x.Length);
        ref var factors = ref MemoryMarshal.GetReference(y);
        var sums = Vector256<double>.Zero;
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            sums += Widened(x, i) * Vector256.LoadUnsafe(ref factors, (nuint)i);
        }

        var sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }

        return sum;
    }

    /// <summary>
    /// Sum of ln max((total - weight · x) / rest, floor): the logarithm of the product of a few at a time, since logarithms are what
    /// takes the time.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumOfLogsWithout(ReadOnlySpan<float> x, double weight, ReadOnlySpan<double> total, double rest, double floor)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(total.Length, x.Length);
        ref var totals = ref MemoryMarshal.GetReference(total);
        var share = Vector256.Create(1 / rest);
        var least = Vector256.Create(floor);
        var product = Vector256<double>.One;
        var factors = 0;
        double sum = 0;
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            product *= Vector256.Max((Vector256.LoadUnsafe(ref totals, (nuint)i) - (weight * Widened(x, i))) * share, least);
            if (++factors == FactorsOfALogarithm)
            {
                sum += Logarithm(product);
                (product, factors) = (Vector256<double>.One, 0);
            }
        }

        sum += Logarithm(product);
        for (; i < x.Length; i++)
        {
            sum += Math.Log(Math.Max((total[i] - (weight * x[i])) * (1 / rest), floor));
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Logarithm(Vector256<double> product) =>
        Math.Log(product[0]) + Math.Log(product[1]) + (Math.Log(product[2]) + Math.Log(product[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Widened(ReadOnlySpan<float> x, int i)
    {
        var four = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(x), (nuint)i);
        return Vector256.Create(Vector128.WidenLower(four), Vector128.WidenUpper(four));
    }
}
