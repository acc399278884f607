using Slowrun.Core.Randomness;

namespace Slowrun.Core.Tests.Randomness;

public sealed class Mt19937Tests
{
    // The C++ standard (rand.predef) fixes the 10,000th number of the default seed.
    [Fact]
    public void NextUInt32_TheTenThousandth_IsTheStandards()
    {
        var generator = new Mt19937(5489);
        var last = 0u;
        for (var i = 0; i < 10_000; i++)
        {
            last = generator.NextUInt32();
        }

        Assert.Equal(4123659995u, last);
    }

    [Fact]
    public void Constructor_WhenTheSeedIsLongerThan32Bits_TakesTheLowOnes() =>
        Assert.Equal(new Mt19937(7).NextUInt32(), new Mt19937(7 + (1L << 40)).NextUInt32());

    // One seed's permutation may happen to leave the first two in place.
    [Fact]
    public void Of_TwoThings_GivesBothOrdersOverTheSeeds()
    {
        var firsts = Enumerable.Range(0, 64).Select(seed => NumpyPermutation.Of(seed, 2)[0]).Distinct().Order();

        Assert.Equal([0, 1], firsts);
    }

    [Fact]
    public void Permutation_OfTwoThings_GivesBothOrdersOverTheSeeds()
    {
        var firsts = Enumerable.Range(0, 64).Select(seed => Mt19937.Permutation(seed, 2)[0]).Distinct().Order();

        Assert.Equal([0, 1], firsts);
    }
}
