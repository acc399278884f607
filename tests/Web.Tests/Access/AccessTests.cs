using System.Net;
using System.Text;
using Slowrun.Storage.Runs;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Access;

/// <summary>What a caller gets who has no token, a wrong one, or means harm.</summary>
public sealed class AccessTests
{
    private const string Pause = $"/api/v1/runs/{Running}/orders/pause";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/v1/runs")]
    [InlineData("/api/v1/runs/running")]
    [InlineData("/api/v1/runs/running/stream")]
    [InlineData("/api/v1/runs/running/metrics.csv")]
    [InlineData("/api/v1/openapi.json")]
    [InlineData("/API/v1/runs")]
    [InlineData("/api/v1/nothing")]
    public async Task Api_WithoutTheToken_IsRefusedAndTellsNothing(string path)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.GetAsync(path);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        Assert.DoesNotContain(Running, await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/silos")]
    [InlineData("/runs/running/spec")]
    [InlineData("/runs/running/plots/training.svg")]
    public async Task Page_WithoutTheToken_SendsToTheLogIn(string path)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.GetAsync(path);

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith("/login?to=%2F", answer.Headers.Location?.OriginalString, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Orders_WithoutTheToken_ChangeNothing()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        foreach (var path in new[] { Pause, $"/runs/{Running}/orders/cancel" })
        {
            using var answer = await page.PostAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }

        Assert.Equal(Core.Stages.DesiredState.Running, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
    }

    [Fact]
    public async Task Orders_OfAPageStartedWithoutAToken_AreForbidden()
    {
        await using var page = await TestPage.StartAsync();

        using var answer = await page.PostAsync(Pause);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal(Core.Stages.DesiredState.Running, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
    }

    [Fact]
    public async Task Orders_WithTheToken_AreWrittenAndTold()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync($"{Pause}?stage=chain0/stage1", TestPage.Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(Core.Stages.DesiredState.Paused, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Of("chain0/stage1"));
        Assert.Equal([Running], page.Live.Pokes);
    }

    [Theory]
    [InlineData("/api/v1/runs/finished/orders/pause", HttpStatusCode.Conflict)]
    [InlineData("/api/v1/runs/running/orders/explode", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/runs/none/orders/pause", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/runs/running/orders/pause?stage=chain7/stage0", HttpStatusCode.NotFound)]
    public async Task Orders_ThatMakeNoSense_AreRefused(string path, HttpStatusCode expected)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync(path, TestPage.Token);

        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task LogIn_WithTheToken_GivesACookieThatLetsIn()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        using var answer = await page.PostAsync("/login", content: Form(TestPage.Token, "/runs/running"));

        Assert.Equal((HttpStatusCode.Redirect, "/runs/running"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(TestPage.Token, cookie, StringComparison.Ordinal);

        using var inside = await page.SendAsync(HttpMethod.Get, "/api/v1/runs", request => request.Headers.Add("Cookie", cookie.Split(';')[0]));
        Assert.Equal(HttpStatusCode.OK, inside.StatusCode);
        using var forged = await page.SendAsync(HttpMethod.Get, "/api/v1/runs", request => request.Headers.Add("Cookie", $"{AccessToken.Cookie}={TestPage.Token}"));
        Assert.Equal(HttpStatusCode.Unauthorized, forged.StatusCode);
    }

    [Theory]
    [InlineData("https://elsewhere.example/")]
    [InlineData("//elsewhere.example/")]
    [InlineData("/\\elsewhere.example/")]
    public async Task LogIn_WithAnAddressElsewhere_StaysHere(string to)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync("/login", content: Form(TestPage.Token, to));

        Assert.Equal("/", answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Tokens_TriedTooOften_AreNotLookedAtAnyMore()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i < FailedTries.MostAMinute; i++)
        {
            using var wrong = i % 2 == 0 ? await page.GetAsync("/api/v1/runs", $"wrong-{i}") : await page.PostAsync("/login", content: Form($"wrong-{i}", "/"));
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.Unauthorized : HttpStatusCode.Forbidden, wrong.StatusCode);
        }

        using var right = await page.GetAsync("/api/v1/runs", TestPage.Token);
        using var login = await page.PostAsync("/login", content: Form(TestPage.Token, "/"));
        Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests), (right.StatusCode, login.StatusCode));
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://elsewhere.example")]
    [InlineData("Origin", "null")]
    public async Task Orders_SentByAnotherSite_AreRefusedEvenWithTheToken(string header, string value)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.SendAsync(HttpMethod.Post, Pause, request =>
        {
            request.Headers.Add(header, value);
            request.Headers.Add("Cookie", $"{AccessToken.Cookie}={new AccessToken(TestPage.Token).CookieValue}");
        });

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Theory]
    [InlineData("elsewhere.example", HttpStatusCode.MisdirectedRequest)]
    [InlineData("127.0.0.1.elsewhere.example", HttpStatusCode.MisdirectedRequest)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("10.1.2.3:8484", HttpStatusCode.OK)]
    [InlineData("given.example", HttpStatusCode.OK)]
    public async Task Page_UnderANameThatIsNotItsOwn_IsNotShown(string host, HttpStatusCode expected)
    {
        await using var page = await TestPage.StartAsync(new PageOptions { HostNames = ["given.example"] });

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
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Bodies_LargerThanAnybodyNeeds_AreRefused()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync("/login", content: Form(new string('x', RequestLimits.LargestBodyBytes), "/"));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task Streams_MoreThanAreServed_AreToldToTryLater()
    {
        await using var page = await TestPage.StartAsync();
        var streams = new List<HttpResponseMessage>();
        for (var i = 0; i < RequestLimits.MostStreams; i++)
        {
            streams.Add(await page.GetAsync("/api/v1/stream"));
        }

        using var more = await page.GetAsync("/api/v1/stream");
        using var page2 = await page.GetAsync("/api/v1/runs");

        Assert.All(streams, stream => Assert.Equal(HttpStatusCode.OK, stream.StatusCode));
        Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.OK), (more.StatusCode, page2.StatusCode));
        streams.ForEach(stream => stream.Dispose());
    }

    [Theory]
    [InlineData("0.0.0.0", null)]
    [InlineData("10.0.0.4", null)]
    [InlineData("127.0.0.1", "short")]
    [InlineData("127.0.0.1", "with spaces in the token")]
    public void Options_ThatWouldLetAnybodyIn_AreRefused(string listen, string? token) =>
        Assert.Throws<ArgumentException>(() => new PageOptions { Listen = IPAddress.Parse(listen), Token = token }.Check());

    private static StringContent Form(string token, string to) =>
        new($"token={Uri.EscapeDataString(token)}&to={Uri.EscapeDataString(to)}", Encoding.UTF8, "application/x-www-form-urlencoded");
}
