using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Web.Access;

namespace Slowrun.Web.Tests.Access;

/// <summary>Cookies, and where a log-in leads.</summary>
public sealed class LogInTests(LockedPage locked) : IClassFixture<LockedPage>
{
    [Fact]
    public async Task LogIn_WithTheToken_GivesACookieThatLetsIn()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        using var answer = await page.PostAsync("/login", content: TestPage.Form(TestPage.Token, "/runs/running"));

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
        var (first, second) = (await page.LogInAsync(), await page.LogInAsync());
        Assert.NotEqual(first, second);

        using var logout = await page.SendAsync(HttpMethod.Post, "/logout", request => request.Headers.Add("Cookie", first));

        Assert.Equal(HttpStatusCode.Unauthorized, await page.StatusAsync(first));
        Assert.Equal(HttpStatusCode.OK, await page.StatusAsync(second));
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
        var cookie = await page.LogInAsync();

        Assert.Equal(HttpStatusCode.OK, await page.StatusAsync(cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await other.StatusAsync(cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await other.StatusAsync($"slowrun-page-{other.Address.Port}={cookie.Split('=')[1]}"));
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
        using var answer = await locked.Page.PostAsync("/login", content: TestPage.Form(TestPage.Token, to));

        Assert.Equal("/", answer.Headers.Location?.OriginalString);
    }

    [Theory]
    [InlineData("/runs/a?stage=chain0%2Fstage1&from=1")]
    [InlineData("/runs/a@b/losses#x")]
    public async Task LogIn_WithAnAddressOfThePage_GoesThere(string to)
    {
        using var answer = await locked.Page.PostAsync("/login", content: TestPage.Form(TestPage.Token, to));

        Assert.Equal(to, answer.Headers.Location?.OriginalString);
    }
}
