using Slowrun.Core.Notices;

namespace Slowrun.Core.Tests.Notices;

public sealed class NoticeTests
{
    public static TheoryData<string> Kinds() => [.. NoticeKind.All];

    /// <summary>A kind without a title of its own would go out under the name that nobody knows the run by.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Called_OfEveryKind_HasTheGivenNameInItsTitle(string kind)
    {
        var stage = kind == NoticeKind.Diverged ? "chain0/stage1" : null;
        var notice = Of(kind, stage, NoticeKind.Title(kind, stage, "micro")!);

        var called = notice.Called("best");

        Assert.Equal("best", called.GivenName);
        Assert.Equal(notice.Title.Replace("un micro", "un best (micro)", StringComparison.Ordinal), called.Title);
        Assert.Contains("best (micro)", called.Title, StringComparison.Ordinal);
        Assert.Same(notice, notice.Called(null));
    }

    [Theory]
    [InlineData("Run micro says something")]
    [InlineData("About micro")]
    public void Called_OfAKindOfANewerVersion_KeepsItsTitle(string title)
    {
        var called = Of("newer", null, title).Called("best");

        Assert.Equal((title, "best"), (called.Title, called.GivenName));
    }

    private static Notice Of(string kind, string? stage, string title) =>
        new()
        {
            Id = kind,
            Kind = kind,
            Run = "micro",
            Stage = stage,
            Title = title,
            Text = "",
            At = default,
        };
}
