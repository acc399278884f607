using Slowrun.Core.Randomness;

namespace Slowrun.Core.Tests.Randomness;

public sealed class SeedsTests
{
    // Literals, computed by another program from the formula in the documentation: they must never change.
    [Theory]
    [InlineData(42, "init", 0, 0, 1656093148619754120)]
    [InlineData(42, "dropout", 1, 0, 7105482059890010092)]
    [InlineData(42, "dropout", 0, 1, 4672720521285671217)]
    [InlineData(-1, "", 1_000_000_000, 7, 8750987441615657724)]
    public void Derive_OfTheseArguments_IsForeverThisNumber(long seed, string what, long step, long part, long expected) =>
        Assert.Equal(expected, Seeds.Derive(seed, what, step, part));

    [Fact]
    public void Derive_WhenAnyArgumentDiffers_GivesAnotherSeed()
    {
        var seeds =
            from seed in new long[] { 0, 1, 42 }
            from what in new[] { "init", "dropout" }
            from step in Enumerable.Range(0, 100)
            from part in Enumerable.Range(0, 16)
            select Seeds.Derive(seed, what, step, part);

        // PyTorch's generators take the low 32 bits only.
        Assert.Equal(3 * 2 * 100 * 16, seeds.Select(seed => (uint)seed).Distinct().Count());
    }
}
