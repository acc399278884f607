using System.Net;
using Slowrun.Silo.Http;

namespace Slowrun.Silo.Tests.Http;

public sealed class HttpSettingsTests
{
    private const string Token = "0123456789abcdef";

    [Theory]
    [InlineData("9464", "127.0.0.1:9464")]
    [InlineData("0", "127.0.0.1:0")]
    [InlineData("127.0.0.1:9464", "127.0.0.1:9464")]
    [InlineData("[::1]:9464", "[::1]:9464")]
    public void Parse_OfLoopback_NeedsNoToken(string text, string address) =>
        Assert.Equal(new HttpSettings(IPEndPoint.Parse(address), Token: null), HttpSettings.Parse(text, token: null));

    [Theory]
    [InlineData("0.0.0.0:9464")]
    [InlineData("10.0.0.4:9464")]
    [InlineData("[::]:9464")]
    public void Parse_BeyondLoopback_AsksForAToken(string text)
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(text, token: null));
        Assert.Contains("SLOWRUN_TOKEN", error.Message, StringComparison.Ordinal);
        Assert.Equal(Token, HttpSettings.Parse(text, Token)!.Token);
    }

    [Theory]
    [InlineData("")]
    [InlineData("localhost:9464")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:-1")]
    [InlineData("::1:9464")]
    [InlineData("http://127.0.0.1:9464")]
    [InlineData("65536")]
    public void Parse_OfNoAddress_SaysWhatIsExpected(string text)
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(text, token: null));
        Assert.Contains("expected for example 127.0.0.1:9464", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfAShortToken_RefusesItWithoutTellingIt()
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse("9464", "hunter2"));
        Assert.Contains("7 characters", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_WithoutAnAddress_OpensNothing() => Assert.Null(HttpSettings.Parse(null, Token));
}
