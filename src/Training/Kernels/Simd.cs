using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>
/// Vectors of sixteen float32 elements, for registers of any width. Every operation is defined by IEEE 754 (multiply-adds are fused where
/// <see cref="MulAdd"/> is called and nowhere else), sums follow one fixed tree, and exp and tanh are polynomials of our own. So the bits
/// of a kernel depend neither on the width of the registers nor on the version of a library.
/// </summary>
internal static unsafe class Simd
{
    /// <summary>Elements of a vector.</summary>
    public const int Width = 16;

    private static ReadOnlySpan<double> Artanh =>
        [1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1];

    /// <summary>The next multiple of <see cref="Width"/>.</summary>
    public static int Padded(int count) => (count + Width - 1) / Width * Width;

    /// <summary>Loads elements i to i + 15 of a row of n; those after its end are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* row, int i, int n) => i + Width <= n ? Vector512.Load(row + i) : Tail(row + i, n - i);

    /// <summary>Stores elements i to i + 15 of a row of n, none after its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* row, int i, int n)
    {
        if (i + Width <= n)
        {
            value.Store(row + i);
        }
        else
        {
            StoreTail(value, row + i, n - i);
        }
    }

    /// <summary>a·b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MulAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    /// <summary>Adds the two halves of the vector until one element is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> v)
    {
        var eight = v.GetLower() + v.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return (two + Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>The largest element; NaN if one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> v)
    {
        var eight = Vector256.Max(v.GetLower(), v.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>exp(x) within 2 units in the last place; 0 below -87.3 and infinite above 88.3, near the limits of float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // Outside of the limits the polynomial's value has no meaning; the selection below discards it.
        var y = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87.3f)), Vector512<float>.Zero, ExpNear(x));
        return Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(88.3f)), Vector512.Create(float.PositiveInfinity), y);
    }

    /// <summary>As <see cref="Exp"/>, for elements between -87.3 and 88.3, or NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ExpNear(Vector512<float> x)
    {
        // x = n·ln 2 + r with |r| < ln(2)/2; the polynomial of exp(r) is that of Cephes (expf).
        var n = Vector512.Round(x * Vector512.Create(1.44269504f));
        var r = MulAdd(n, Vector512.Create(-0.693359375f), x);
        r = MulAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = MulAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = MulAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = MulAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = MulAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = MulAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = MulAdd(p, r * r, r) + Vector512<float>.One;
        // A NaN stays a NaN in each product.
        var power = ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();
        return p * power;
    }

    /// <summary>1 / (1 + exp(-x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var size = Vector512.Abs(x);
        var e = Exp(size * Vector512.Create(-2f));
        var far = (Vector512<float>.One - e) / (Vector512<float>.One + e);
        // Near 0 the difference would cancel; the polynomial there is that of Cephes (tanhf).
        var z = x * x;
        var p = Vector512.Create(-5.70498872745e-3f);
        p = MulAdd(p, z, Vector512.Create(2.06390887954e-2f));
        p = MulAdd(p, z, Vector512.Create(-5.37397155531e-2f));
        p = MulAdd(p, z, Vector512.Create(1.33314422036e-1f));
        p = MulAdd(p, z, Vector512.Create(-3.33332819422e-1f));
        var near = MulAdd(p * z, x, x);
        var signed = Vector512.BitwiseOr(far, Vector512.BitwiseAnd(x, Vector512.Create(-0f)));
        return Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0.625f)), near, signed);
    }

    /// <summary>The natural logarithm, the same on every machine, to a few units in the last place of float64.</summary>
    public static double Log(double x)
    {
        if (!(x > 0) || double.IsInfinity(x))
        {
            return Math.Log(x);
        }

        var exponent = Math.ILogB(x);
        var mantissa = Math.ScaleB(x, -exponent);
        if (mantissa > 1.4142135623730951)
        {
            mantissa /= 2;
            exponent++;
        }

        // ln m = 2 artanh(s) with s = (m-1)/(m+1); its series converges quickly since s² < 0.0295.
        double s = (mantissa - 1) / (mantissa + 1),
            square = s * s,
            sum = 0;
        foreach (var term in Artanh)
        {
            sum = (sum * square) + term;
        }

        return (exponent * 0.6931471805599453) + (2 * s * sum);
    }

    /// <summary>xⁿ, by multiplications alone.</summary>
    public static double Power(double x, long n)
    {
        var result = 1.0;
        for (; n > 0; n >>= 1, x *= x)
        {
            result = (n & 1) != 0 ? result * x : result;
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> Tail(float* from, int count)
    {
        var padded = stackalloc float[Width];
        for (var i = 0; i < Width; i++)
        {
            padded[i] = i < count ? from[i] : 0;
        }

        return Vector512.Load(padded);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreTail(Vector512<float> value, float* to, int count)
    {
        var padded = stackalloc float[Width];
        value.Store(padded);
        for (var i = 0; i < count; i++)
        {
            to[i] = padded[i];
        }
    }
}
