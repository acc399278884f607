using System.Net;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Access;

/// <summary>What another web site reaches from its visitor's browser.</summary>
public sealed class OtherSitesTests
{
    private const string Pause = $"/api/v1/runs/{Running}/orders/pause";

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://elsewhere.example")]
    [InlineData("Origin", "null")]
    public async Task Orders_SentByAnotherSite_AreRefusedEvenWithTheToken(string header, string value)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var cookie = await page.LogInAsync();

        using var answer = await page.SendAsync(
            HttpMethod.Post,
            Pause,
            request =>
            {
                request.Headers.Add(header, value);
                request.Headers.Add("Cookie", cookie);
            }
        );

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    /// <summary>What goes wrong clears the answer, with its headers.</summary>
    [Fact]
    public async Task Answers_OfWhatGoesWrong_ForbidWhatThePageDoesNotNeed()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostUnreadAsync(
            "/login",
            bearer: null,
            TestPage.Form(new string('x', RequestLimits.LargestBodyBytes), "/")
        );

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains(
            "frame-ancestors 'none'",
            Assert.Single(answer.Headers.GetValues("Content-Security-Policy")),
            StringComparison.Ordinal
        );
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
    }

    /// <summary>On plain HTTP beyond loopback a browser sends no Sec-Fetch-Site.</summary>
    [Fact]
    public async Task LogIn_OfTheOwnFormWithAnOriginAlone_IsTaken()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.SendAsync(
            HttpMethod.Post,
            "/login",
            request =>
            {
                request.Headers.Host = "10.0.0.4:8484";
                request.Headers.Add("Origin", "http://10.0.0.4:8484");
                request.Content = TestPage.Form(TestPage.Token, "/");
            }
        );

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    [Theory]
    [InlineData("elsewhere.example", HttpStatusCode.MisdirectedRequest)]
    [InlineData("127.0.0.1.elsewhere.example", HttpStatusCode.MisdirectedRequest)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("10.1.2.3:8484", HttpStatusCode.OK)]
    [InlineData("given.example", HttpStatusCode.OK)]
    public async Task Page_UnderANameThatIsNotItsOwn_IsNotShown(string host, HttpStatusCode expected)
    {
        await using var page = await TestPage.StartAsync(new WebOptions { Access = new AccessRules { HostNames = ["given.example"] } });

        using var answer = await page.SendAsync(HttpMethod.Get, "/api/v1/runs", request => request.Headers.Host = host);

        Assert.Equal(expected, answer.StatusCode);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/api/v1/runs")]
    [InlineData("/runs/none")]
    [InlineData("/assets/page.js")]
    public async Task Answers_OfEveryKind_ForbidWhatThePageDoesNotNeed(string path)
    {
        await using var page = await TestPage.StartAsync();

        using var answer = await page.GetAsync(path);

        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        // With no-referrer a browser sends "Origin: null" with the page's own forms, and the server refuses them.
        Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
        Assert.False(answer.Headers.Contains("Server"));
    }
}
