using System.Net;
using Slowrun.Web.Access;

namespace Slowrun.Web.Tests.Access;

/// <summary>Rules that a server is not started with.</summary>
public sealed class AccessRulesTests
{
    [Theory]
    [InlineData("0.0.0.0", null)]
    [InlineData("10.0.0.4", null)]
    [InlineData("127.0.0.1", "short")]
    [InlineData("127.0.0.1", "with spaces in the token")]
    public void Options_ThatWouldLetAnybodyIn_AreRefused(string listen, string? token) =>
        Assert.Throws<ArgumentException>(() => new AccessRules { Token = token }.Check(IPAddress.Parse(listen), servesPage: true));
}
