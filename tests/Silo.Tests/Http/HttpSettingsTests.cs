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
        Assert.Equal(
            [new HttpAddress(IPEndPoint.Parse(address), "--http", ServesPage: false)],
            HttpSettings.Parse(new HttpArguments { Http = text })!.Addresses
        );

    [Theory]
    [InlineData("0.0.0.0:9464")]
    [InlineData("10.0.0.4:9464")]
    [InlineData("[::]:9464")]
    public void Parse_BeyondLoopback_AsksForAToken(string text)
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(new HttpArguments { Http = text }));
        Assert.Contains("SLOWRUN_TOKEN", error.Message, StringComparison.Ordinal);
        Assert.Equal(Token, HttpSettings.Parse(new HttpArguments { Http = text, Token = Token })!.Access.Token);
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
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(new HttpArguments { Http = text }));
        Assert.Contains("expected for example 127.0.0.1:9464", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfAShortToken_RefusesItWithoutTellingIt()
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(new HttpArguments { Http = "9464", Token = "hunter2" }));
        Assert.Contains("7 characters", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:8484", 8484, "127.0.0.1:8484 (option --http)")]
    [InlineData("9464", 8484, "127.0.0.1:9464 (option --http), 127.0.0.1:8484 (option --page)")]
    [InlineData("9464", null, "127.0.0.1:9464 (option --http)")]
    [InlineData(null, 8484, "127.0.0.1:8484 (option --page)")]
    public void Parse_OfThePage_ServesItWhereItIsAskedFor(string? http, int? page, string addresses)
    {
        var settings = HttpSettings.Parse(
            new HttpArguments
            {
                Http = http,
                Page = true,
                PagePort = page,
            }
        )!;

        Assert.Equal((addresses, true), (string.Join(", ", settings.Addresses), settings.Page));
    }

    [Theory]
    [InlineData("0.0.0.0:9464", "127.0.0.1")]
    [InlineData("127.0.0.1:9464", "0.0.0.0")]
    [InlineData("[::]:9464", "127.0.0.1")]
    public void Parse_OfThePageAtAPortThatEveryAddressHas_SaysWhatToGiveInstead(string http, string listen)
    {
        var given = new HttpArguments
        {
            Http = http,
            Token = Token,
            Page = true,
            PagePort = 9464,
            Listen = IPAddress.Parse(listen),
        };

        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(given));
        Assert.Contains("Give --page without a port", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, HttpSettings.Parse(given with { PagePort = 9465 })!.Addresses.Count);
    }

    [Fact]
    public void Parse_OfHostNames_LetsThemIn() =>
        Assert.Equal(
            ["silo.example"],
            HttpSettings.Parse(new HttpArguments { Http = "9464", HostNames = ["silo.example"] })!.Access.HostNames
        );

    [Fact]
    public void Parse_OfThePageWithoutAPortOrAddress_SaysWhatIsMissing()
    {
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(new HttpArguments { Page = true }));
        Assert.Contains("expected for example --page 8484", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_BeyondLoopback_TakesACollectorsTokenForMetricsAndNotForThePage()
    {
        var given = new HttpArguments { Http = "0.0.0.0:9464", HttpToken = Token };

        Assert.Equal(Token, HttpSettings.Parse(given)!.Access.MetricsToken);
        var error = Assert.Throws<FormatException>(() => HttpSettings.Parse(given with { Page = true }));
        Assert.Contains("SLOWRUN_TOKEN", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The page stays where it was asked for: metrics beyond loopback do not take it there, and ask for no token of it.</summary>
    [Fact]
    public void Parse_OfMetricsBeyondLoopbackAndAPageOnIt_ServesThePageOnLoopbackAlone()
    {
        var settings = HttpSettings.Parse(
            new HttpArguments
            {
                Http = "10.0.0.4:9464",
                HttpToken = Token,
                Page = true,
                PagePort = 8484,
            }
        )!;

        Assert.Equal(
            [("10.0.0.4:9464", false), ("127.0.0.1:8484", true)],
            settings.Addresses.Select(address => (address.Endpoint.ToString(), address.ServesPage))
        );
    }

    [Fact]
    public void Parse_WithoutAnAddress_OpensNothing() => Assert.Null(HttpSettings.Parse(new HttpArguments { Token = Token }));
}
