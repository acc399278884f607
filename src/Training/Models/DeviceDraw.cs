using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Initial weights drawn where they lie, with the bytes of <see cref="Initializer"/>. Evenly distributed ones take operations alone that
/// are rounded exactly everywhere. Normal ones take logarithm, sine and cosine, whose last bits differ between libraries: whatever the
/// device computes within <see cref="Tolerance"/> is rounded to float32, which leaves no doubt about all but one number in 700,000 (Ziv's
/// test, ACM TOMS 17, 1991). Those are computed again by the host's function, and tell whether the device keeps the tolerance.
/// </summary>
internal static class DeviceDraw
{
    // 256 units in the last place of float64. CUDA's functions are documented to be off by 2 at most, libm's and libtorch's by 1; radius
    // and product add one rounding each.
    private const double Tolerance = 1.0 / (1L << 44);

    // 4 Mi numbers: half a gigabyte of temporaries. Even, so that a piece begins with a pair.
    private const long PieceNumbers = 1L << 22;

    /// <summary>As <see cref="Initializer"/> draws evenly from [-bound, bound).</summary>
    /// <param name="into">(N) float32.</param>
    public static void Uniform(Tensor into, double bound, ulong key)
    {
        foreach (var (start, count) in Pieces(into))
        {
            using var scope = NewDisposeScope();
            var numbers = DeviceRandom.Uniform(key, start, count, into.device).mul_(Scalars.Of(2.0)).add_(Scalars.Of(-1.0), Scalars.One);
            into.narrow(0, start, count).copy_(numbers.mul_(Scalars.Of(bound)));
        }
    }

    /// <summary>As <see cref="Initializer"/> draws from a normal distribution.</summary>
    /// <param name="into">(N) float32.</param>
    /// <param name="error">For tests: how far off a device is, relative.</param>
    /// <exception cref="ArithmeticException">The device's functions are less exact than documented.</exception>
    public static void Normal(Tensor into, double deviation, ulong key, double error = 0)
    {
        foreach (var (start, count) in Pieces(into))
        {
            using var scope = NewDisposeScope();
            var numbers = Pairs(into.device, start, (count + 1) / 2, deviation, key).mul_(Scalars.Of(1 + error));
            var doubtful = Rounded(numbers, -Tolerance).ne(Rounded(numbers, Tolerance)).logical_or_(numbers.eq(Scalars.Of(0.0)));
            var rounded = numbers.to(ScalarType.Float32);
            var places = Scalars.Places(doubtful);
            if (places.shape[0] > 0)
            {
                rounded.index_copy_(0, places, OnHost(numbers, places, start, deviation, key).to(into.device));
            }

            into.narrow(0, start, count).copy_(rounded.narrow(0, 0, count));
        }
    }

    /// <returns>(2 · pairs) float64.</returns>
    private static Tensor Pairs(Device device, long start, long pairs, double deviation, ulong key)
    {
        using var scope = NewDisposeScope();
        var uniforms = DeviceRandom.Uniform(key, start, 2 * pairs, device).view(pairs, 2);
        var radius = uniforms
            .select(1, 0)
            .neg()
            .add_(Scalars.Of(1.0), Scalars.One)
            .log_()
            .mul_(Scalars.Of(-2.0))
            .sqrt_()
            .mul_(Scalars.Of(deviation));
        var angle = uniforms.select(1, 1).mul(Scalars.Of(2 * Math.PI));
        return stack([angle.cos().mul_(radius), angle.sin().mul_(radius)], -1).view(-1).MoveToOuterDisposeScope();
    }

    private static Tensor Rounded(Tensor numbers, double off)
    {
        using var moved = numbers.mul(Scalars.Of(1 + off));
        return moved.to(ScalarType.Float32);
    }

    /// <returns>(N) float32 on the host: the numbers at these places, by the host's function.</returns>
    private static Tensor OnHost(Tensor numbers, Tensor places, long start, double deviation, ulong key)
    {
        var read = Scalars.Read(stack([places.to(ScalarType.Float64), numbers.index_select(0, places)]).view(-1));
        var count = read.Length / 2;
        var exact = new float[count];
        for (var i = 0; i < count; i++)
        {
            var place = start + (long)read[i];
            var (first, second) = Initializer.NormalPair(key, place & ~1L, deviation);
            var expected = (place & 1) == 0 ? first : second;
            var found = read[count + i];
            if (!(Math.Abs(found - expected) <= Tolerance * Math.Abs(expected)))
            {
                throw new ArithmeticException(
                    $"{numbers.device} computed the initial weight {found:r} where the host computes {expected:r}: its float64 logarithm, sine or cosine is off by more than {Tolerance:g1}, relative. Begin the stage on another device."
                );
            }

            exact[i] = (float)expected;
        }

        return tensor(exact);
    }

    private static IEnumerable<(long Start, long Count)> Pieces(Tensor into)
    {
        for (long start = 0; start < into.numel(); start += PieceNumbers)
        {
            yield return (start, Math.Min(PieceNumbers, into.numel() - start));
        }
    }
}
