using Slowrun.Reading.Curves;

namespace Slowrun.Reading.Tests.Curves;

public sealed class ThinningTests
{
    [Fact]
    public void LowestAndHighest_OfAFewValues_AreAllOfThem() =>
        Assert.Equal([(1, 2f), (2, 3f)], Thinning.LowestAndHighest([1, 2, 3, 4], 1, 3, 10));

    [Fact]
    public void LowestAndHighest_OfManyValues_KeepASingleJumpAndTheOrder()
    {
        var values = Enumerable.Range(0, 10_000).Select(i => i == 7_654 ? 99f : 1f + (i * 1e-5f)).ToArray();

        var points = Thinning.LowestAndHighest(values, 0, values.Length, 200);

        Assert.InRange(points.Count, 100, 200);
        Assert.Contains((7_654, 99f), points);
        Assert.Equal(points.OrderBy(point => point.Index), points);
        Assert.Equal((0, 9_999), (points[0].Index, points[^1].Index));
    }

    [Fact]
    public void LowestAndHighest_OfValuesThatAreNoNumbers_LeaveThemOut()
    {
        var values = Enumerable.Range(0, 1_000).Select(i => i < 500 ? float.NaN : 2f).ToArray();

        Assert.All(Thinning.LowestAndHighest(values, 0, values.Length, 100), point => Assert.Equal(2f, point.Value));
    }
}
