using System.Runtime.Intrinsics;
using Slowrun.Training.Kernels;

namespace Slowrun.Training.Tests.Kernels;

public sealed unsafe class SimdTests
{
    private static readonly float[] Odd =
    [
        0,
        -0f,
        float.Epsilon,
        1e-30f,
        -1e-30f,
        0.624f,
        0.626f,
        -0.625f,
        15,
        -15,
        60,
        -60,
        87.2f,
        -87.2f,
        float.PositiveInfinity,
        float.NegativeInfinity,
        float.NaN,
    ];

    private static IEnumerable<float> Numbers => Odd.Concat(Enumerable.Range(-4000, 8001).Select(i => i * 0.0201f));

    [Fact]
    public void Exp_OfAnyNumber_IsTheExponentialToTwoUnitsInTheLastPlace() =>
        AssertNear(Numbers, x => Simd.Exp(x), x => x < -87.3 ? 0 : Math.Exp(x), 2.5e-7);

    [Fact]
    public void ExpNear_BetweenItsLimits_IsExpBitForBit()
    {
        foreach (var x in Numbers.Where(x => float.IsNaN(x) || Math.Abs(x) < 87))
        {
            Assert.Equal(Simd.Exp(Vector512.Create(x)).AsInt32(), Simd.ExpNear(Vector512.Create(x)).AsInt32());
        }
    }

    [Fact]
    public void Tanh_OfAnyNumber_IsTheTangent() => AssertNear(Numbers, x => Simd.Tanh(x), Math.Tanh, 4e-7);

    [Fact]
    public void Sigmoid_OfAnyNumber_IsTheLogistic() =>
        AssertNear(Numbers.Where(x => !(x < -87)), x => Simd.Sigmoid(x), x => 1 / (1 + Math.Exp(-x)), 4e-7);

    [Fact]
    public void Log_OfAnyNumber_IsTheLogarithm()
    {
        foreach (var x in Numbers.Select(x => (double)x).Concat([1e-300, 1e300, 1, 2, Math.E, 1.4142, 1.4143]))
        {
            var (expected, found) = (Math.Log(x), Simd.Log(x));
            Assert.True(
                expected.Equals(found) || Math.Abs(found - expected) <= 1e-14 * Math.Max(1, Math.Abs(expected)),
                $"ln {x}: {found}"
            );
        }
    }

    [Fact]
    public void Power_OfAWholeNumber_IsThePower()
    {
        foreach (var n in (long[])[0, 1, 2, 3, 7, 1000, 123_457])
        {
            Assert.Equal(Math.Pow(0.99995, n), Simd.Power(0.99995, n), 1e-12);
        }
    }

    [Fact]
    public void SumAndMax_OfSixteenNumbers_AreTheirs()
    {
        var values = Enumerable.Range(1, 16).Select(i => (float)(i * i)).ToArray();
        fixed (float* at = values)
        {
            Assert.Equal(1496, Simd.Sum(Vector512.Load(at)));
            Assert.Equal(256, Simd.Max(Vector512.Load(at)));
            Assert.Equal(14, Simd.Sum(Simd.Load(at, 0, 3)));
        }

        Assert.True(float.IsNaN(Simd.Max(Vector512.Create(1f).WithElement(5, float.NaN))));
    }

    [Fact]
    public void Store_OfARowsEnd_LeavesWhatIsBehindIt()
    {
        var values = new float[20];
        fixed (float* at = values)
        {
            Simd.Store(Vector512.Create(7f), at, 16, 18);
        }

        Assert.Equal([0, 0, 7, 7, 0, 0], values[14..].Concat(values[..0]).ToArray());
    }

    private static void AssertNear(
        IEnumerable<float> numbers,
        Func<Vector512<float>, Vector512<float>> function,
        Func<double, double> exact,
        double tolerance
    )
    {
        foreach (var x in numbers)
        {
            var (expected, found) = (exact(x), function(Vector512.Create(x))[9]);
            var near =
                expected.Equals((double)found)
                || (x > 88.3 && float.IsPositiveInfinity(found) && expected > 1e38)
                || Math.Abs(found - expected) <= tolerance * Math.Abs(expected);
            Assert.True(near, $"{x}: {found}, expected {expected}.");
        }
    }
}
