using System.Runtime.InteropServices;
using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

public sealed class DeviceDropoutTests
{
    /// <summary>Shapes of even and odd size; probabilities at both ends, and such whose thresholds have the sign's bit and not.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.1, 2)]
    [InlineData(0.5, 3)]
    [InlineData(0.7, 4)]
    [InlineData(0.999999, 5)]
    [InlineData(0.99999999999, 6)]
    public void Mask_ForAnySizeAndProbability_HasTheBitsOfFill(double probability, int seed)
    {
        var kept = 0.0;
        foreach (
            var shape in (long[][])
                [
                    [1],
                    [2],
                    [3],
                    [7, 11],
                    [64, 128],
                    [5, 1, 4001],
                ]
        )
        {
            using var scope = NewDisposeScope();
            for (var i = 0; i < 8; i++)
            {
                // Keys with and without the highest bit.
                var key = CounterRandom.Key((ulong)seed, (ulong)i);
                var expected = new float[shape.Aggregate(1L, (product, side) => product * side)];
                Dropout.Fill(expected, key, probability);

                var mask = DeviceDropout.Mask(zeros(shape), key, probability);

                Assert.Equal(shape, mask.shape);
                Assert.Equal(ScalarType.Float32, mask.dtype);
                Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(mask.bytes).ToArray());
                kept = expected.Average();
            }
        }

        Assert.Equal(1 - probability, kept, 0.02);
    }

    [Fact]
    public void Mask_OfAnotherKey_IsAnotherOne()
    {
        using var scope = NewDisposeScope();
        var like = zeros(1000);

        Assert.NotEqual(0, DeviceDropout.Mask(like, 1, 0.5).ne(DeviceDropout.Mask(like, 2, 0.5)).sum().cpu().data<long>()[0]);
    }
}
