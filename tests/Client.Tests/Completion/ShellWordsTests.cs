using Slowrun.Client.Completion;

namespace Slowrun.Client.Tests.Completion;

public sealed class ShellWordsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("slowrun", "slowrun")]
    [InlineData("slowrun ", "slowrun", "")]
    [InlineData("slowrun  status\tdemo", "slowrun", "status", "demo")]
    [InlineData("a 'b c' d", "a", "b c", "d")]
    [InlineData("a \"b 'c\" d", "a", "b 'c", "d")]
    [InlineData("a b\\ c", "a", "b c")]
    [InlineData("a 'b c", "a", "b c")]
    [InlineData("a '' b", "a", "", "b")]
    [InlineData("a 'b\\' c", "a", "b\\", "c")]
    public void Split_OfALine_GivesWhatAShellWouldPass(string line, params string[] words) => Assert.Equal(words, ShellWords.Split(line));
}
