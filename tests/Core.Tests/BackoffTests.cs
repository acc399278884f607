namespace Slowrun.Core.Tests;

public sealed class BackoffTests
{
    private static readonly Backoff Doubled = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 16)]
    [InlineData(6, 30)]
    [InlineData(int.MaxValue, 30)]
    public void After_WhenTriesFail_DoublesUpToTheLongest(int failures, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Doubled.After(failures));

    [Fact]
    public void After_WithAnotherGrowth_GrowsByIt()
    {
        var slow = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), Growth: 1.3);

        Assert.Equal([1, 1.3, 1.69], Enumerable.Range(1, 3).Select(failures => Math.Round(slow.After(failures).TotalSeconds, 6)));
    }

    [Fact]
    public void After_WhenTheFirstIsLongerThanTheLongest_IsTheLongest() =>
        Assert.Equal(TimeSpan.FromSeconds(5), new Backoff(TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(5)).After(1));

    [Fact]
    public void After_WithARandomShare_IsThatShareOfTheWait() => Assert.Equal(TimeSpan.FromSeconds(4), Doubled.After(5, 0.25));

    [Fact]
    public void After_WithoutAFailure_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Doubled.After(0));
}
