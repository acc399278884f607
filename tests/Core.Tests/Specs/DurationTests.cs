using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class DurationTests
{
    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("30s", 30)]
    [InlineData("1.5m", 90)]
    [InlineData("1h30m", 5400)]
    [InlineData("2d", 172800)]
    [InlineData("00:00:05", 5)]
    public void TryParse_OfATime_GivesItsSeconds(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds);
        Assert.True(Duration.TryParse(Duration.Text(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("5 m")]
    [InlineData("1y")]
    [InlineData("-3s")]
    [InlineData("99999999999d")]
    public void TryParse_OfAnythingElse_IsFalse(string text) => Assert.False(Duration.TryParse(text, out _));
}
