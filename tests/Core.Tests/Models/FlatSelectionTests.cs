using Slowrun.Core.Models;

namespace Slowrun.Core.Tests.Models;

public sealed class FlatSelectionTests
{
    [Fact]
    public void Ranges_ThatTouchOrOverlap_AreOneAndKeepTheirOrder()
    {
        var selection = new FlatSelection([new(40, 5), new(10, 10), new(20, 4), new(12, 3), new(30, 0)]);

        Assert.Equal([new FlatRange(10, 14), new FlatRange(40, 5)], selection.Ranges);
        Assert.Equal(19, selection.Length);
        Assert.Equal((0L, 13L, 14L, 18L), (selection.PlaceOf(10), selection.PlaceOf(23), selection.PlaceOf(40), selection.PlaceOf(44)));
        Assert.All(new long[] { 0, 9, 24, 39, 45 }, number => Assert.False(selection.Contains(number)));
        Assert.Throws<ArgumentOutOfRangeException>(() => selection.PlaceOf(24));
    }

    [Fact]
    public void Widened_ToBlocks_EndsWithTheBuffer()
    {
        var widened = new FlatSelection([new(5, 2), new(21, 4), new(33, 1)]).Widened(block: 10, length: 37);

        Assert.Equal([new FlatRange(0, 10), new FlatRange(20, 17)], widened.Ranges);
    }

    [Fact]
    public void Common_OfTwo_IsWhatBothHave()
    {
        var (one, two) = (new FlatSelection([new(0, 10), new(20, 10)]), new FlatSelection([new(5, 20), new(29, 5)]));

        Assert.Equal([new FlatRange(5, 5), new FlatRange(20, 5), new FlatRange(29, 1)], one.Common(two));
        Assert.Empty(one.Common(new FlatSelection([])));
    }
}
