namespace Slowrun.Core.Tests;

public sealed class NamePatternTests
{
    [Theory]
    [InlineData("tiny-*", "Tiny-1", true)]
    [InlineData("tiny", "tiny-1", false)]
    [InlineData("t?ny", "tiny", true)]
    [InlineData("a.b*", "axb", false)]
    [InlineData("*", "a", true)]
    public void Matches_TakesTheWholeName(string pattern, string name, bool matches) =>
        Assert.Equal(matches, NamePattern.Matches(pattern, name));

    [Theory]
    [InlineData("", "tiny", true)]
    [InlineData("IN", "tiny", true)]
    [InlineData("in*", "tiny", false)]
    public void Finds_TakesAPartUnlessItIsAPattern(string text, string name, bool finds) =>
        Assert.Equal(finds, NamePattern.Finds(text, name));
}
