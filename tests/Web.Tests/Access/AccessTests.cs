using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
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

    [Theory]
    [InlineData("/login")]
    [InlineData("/assets/page.css")]
    [InlineData("/assets/page.js")]
    [InlineData("/assets/icon.svg")]
    public async Task LogIn_WithWhatItIsDrawnWith_IsOpenToAll(string path)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
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
        Assert.Equal(
            Core.Stages.DesiredState.Paused,
            (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Of("chain0/stage1")
        );
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

        using var inside = await page.SendAsync(
            HttpMethod.Get,
            "/api/v1/runs",
            request => request.Headers.Add("Cookie", cookie.Split(';')[0])
        );
        Assert.Equal(HttpStatusCode.OK, inside.StatusCode);
        // The token itself, what an older Slowrun derived from it, and one bit off.
        var name = cookie.Split('=')[0];
        var value = cookie.Split('=', ';')[1];
        foreach (
            var forged in new[]
            {
                TestPage.Token,
                Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(TestPage.Token), "slowrun page cookie 1"u8)),
                value[..^1] + (value[^1] == '0' ? '1' : '0'),
            }
        )
        {
            using var refused = await page.SendAsync(
                HttpMethod.Get,
                "/api/v1/runs",
                request => request.Headers.Add("Cookie", $"{name}={forged}")
            );
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }
    }

    [Fact]
    public async Task LogIns_AreRandomAndEndWithTheLogOut()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var (first, second) = (await LogInAsync(page), await LogInAsync(page));
        Assert.NotEqual(first, second);

        using var logout = await page.SendAsync(HttpMethod.Post, "/logout", request => request.Headers.Add("Cookie", first));

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(page, first));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(page, second));
    }

    [Fact]
    public void LogIns_EndAfterAWeek()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var sessions = new Sessions(time);
        var http = new DefaultHttpContext { Request = { Host = new HostString("localhost", 8484) }, Connection = { LocalPort = 8484 } };
        var cookie = sessions.Begin(http);

        time.Advance(Sessions.Lasts - TimeSpan.FromSeconds(1));
        Assert.True(sessions.Has(http, cookie));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(sessions.Has(http, cookie));
    }

    [Fact]
    public async Task LogIns_CountAtThePortAndUnderTheHostThatGaveThem()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        await using var other = await TestPage.StartAsync(TestPage.Token);
        var cookie = await LogInAsync(page);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(page, cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(other, cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(other, $"slowrun-page-{other.Address.Port}={cookie.Split('=')[1]}"));
        using var elsewhere = await page.SendAsync(
            HttpMethod.Get,
            "/api/v1/runs",
            request =>
            {
                request.Headers.Host = $"localhost:{page.Address.Port}";
                request.Headers.Add("Cookie", cookie);
            }
        );
        Assert.Equal(HttpStatusCode.Unauthorized, elsewhere.StatusCode);
    }

    [Theory]
    [InlineData("https://elsewhere.example/")]
    [InlineData("//elsewhere.example/")]
    [InlineData("/\\elsewhere.example/")]
    [InlineData("/\t/elsewhere.example/")]
    [InlineData("/\n/elsewhere.example/")]
    [InlineData("/\r/elsewhere.example/")]
    [InlineData("\t//elsewhere.example/")]
    [InlineData("/%09/elsewhere.example/")]
    [InlineData("/%0a/elsewhere.example/")]
    [InlineData("/%2felsewhere.example/")]
    [InlineData("/%5celsewhere.example/")]
    [InlineData("/%255celsewhere.example/")]
    [InlineData("/%25252felsewhere.example/")]
    [InlineData("/ /elsewhere.example/")]
    [InlineData("/\u2028/elsewhere.example/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("")]
    public async Task LogIn_WithAnAddressElsewhere_StaysHere(string to)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync("/login", content: Form(TestPage.Token, to));

        Assert.Equal("/", answer.Headers.Location?.OriginalString);
    }

    [Theory]
    [InlineData("/runs/a?stage=chain0%2Fstage1&from=1")]
    [InlineData("/runs/a@b/losses#x")]
    public async Task LogIn_WithAnAddressOfThePage_GoesThere(string to)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync("/login", content: Form(TestPage.Token, to));

        Assert.Equal(to, answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Tokens_WrongTooOften_AreTooManyAndTheRightOneStillLetsIn()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i < WrongTries.MostAMinute; i++)
        {
            using var wrong =
                i % 2 == 0
                    ? await page.GetAsync("/api/v1/runs", $"wrong-{i}")
                    : await page.PostAsync("/login", content: Form($"wrong-{i}", "/"));
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.Unauthorized : HttpStatusCode.Forbidden, wrong.StatusCode);
        }

        using var more = await page.GetAsync("/api/v1/runs", "wrong");
        using var moreLogin = await page.PostAsync("/login", content: Form("wrong", "/"));
        using var none = await page.GetAsync("/api/v1/runs");
        Assert.All([more, moreLogin, none], answer => Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode));

        // Whoever sends wrong ones from the same address (a proxy, a neighbour's script) must not lock the bearer out.
        using var right = await page.GetAsync("/api/v1/runs", TestPage.Token);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(page, await LogInAsync(page)));
    }

    [Fact]
    public async Task Cookies_ThatAreWrong_CountLikeTokens()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i < WrongTries.MostAMinute; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(page, $"slowrun-page-{page.Address.Port}={i}"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(page, $"slowrun-page-{page.Address.Port}=more"));
    }

    [Fact]
    public void Tries_FromManyAddresses_AreTooManyInAll()
    {
        var tries = new WrongTries(new FakeTimeProvider());
        for (var i = 0; i < WrongTries.MostAMinuteInAll; i++)
        {
            Assert.False(tries.AreTooMany(IPAddress.Loopback));
            tries.Add(new IPAddress([10, 1, (byte)(i / 256), (byte)i]));
        }

        Assert.True(tries.AreTooMany(IPAddress.Loopback));
    }

    [Fact]
    public void Tries_FromOneIPv6Network_CountAsOneAddress()
    {
        var tries = new WrongTries(new FakeTimeProvider());
        for (var i = 0; i < WrongTries.MostAMinute; i++)
        {
            tries.Add(IPAddress.Parse($"2001:db8:1:2::{i}"));
        }

        Assert.True(tries.AreTooMany(IPAddress.Parse("2001:db8:1:2:ffff::1")));
        Assert.False(tries.AreTooMany(IPAddress.Parse("2001:db8:1:3::1")));
    }

    [Fact]
    public async Task Connections_IdleAsManyAsThereMayBe_KeepNobodyOut()
    {
        await using var page = await TestPage.StartAsync();
        var idle = new List<TcpClient>();
        for (var i = 0; i < RequestLimits.MostConnections; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, page.Address.Port, Stop);
            idle.Add(client);
        }

        using var answer = await page.GetAsync("/api/v1/runs");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        idle.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData("/api/v1/runs/running/events?after=1&after=2")]
    [InlineData("/api/v1/runs/running/metrics?stage=chain0/stage0&stage=chain0/stage1")]
    [InlineData("/?x=1&x=2")]
    public async Task Parameters_GivenTwice_AreRefused(string path) => await AssertRefusedAsync(path);

    [Fact]
    public async Task Parameters_LongerThanAnyValueIs_AreRefused() =>
        await AssertRefusedAsync($"/runs/running/losses?stage={new string('x', 201)}");

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://elsewhere.example")]
    [InlineData("Origin", "null")]
    public async Task Orders_SentByAnotherSite_AreRefusedEvenWithTheToken(string header, string value)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var cookie = await LogInAsync(page);

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

    private static async Task AssertRefusedAsync(string path)
    {
        await using var page = await TestPage.StartAsync();

        using var answer = await page.GetAsync(path);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("expected", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    private static async Task<string> LogInAsync(TestPage page)
    {
        using var answer = await page.PostAsync("/login", content: Form(TestPage.Token, "/"));
        return Assert.Single(answer.Headers.GetValues("Set-Cookie")).Split(';')[0];
    }

    private static async Task<HttpStatusCode> StatusAsync(TestPage page, string cookie)
    {
        using var answer = await page.SendAsync(HttpMethod.Get, "/api/v1/runs", request => request.Headers.Add("Cookie", cookie));
        return answer.StatusCode;
    }

    private static StringContent Form(string token, string to) =>
        new($"token={Uri.EscapeDataString(token)}&to={Uri.EscapeDataString(to)}", Encoding.UTF8, "application/x-www-form-urlencoded");
}
