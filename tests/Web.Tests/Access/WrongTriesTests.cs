using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Web.Access;

namespace Slowrun.Web.Tests.Access;

/// <summary>Callers that guess tokens.</summary>
public sealed class WrongTriesTests
{
    [Fact]
    public async Task Tokens_WrongTooOften_AreTooManyAndTheRightOneStillLetsIn()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i < WrongTries.MostAMinute; i++)
        {
            using var wrong =
                i % 2 == 0
                    ? await page.GetAsync("/api/v1/runs", $"wrong-{i}")
                    : await page.PostAsync("/login", content: TestPage.Form($"wrong-{i}", "/"));
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.Unauthorized : HttpStatusCode.Forbidden, wrong.StatusCode);
        }

        using var more = await page.GetAsync("/api/v1/runs", "wrong");
        using var moreLogin = await page.PostAsync("/login", content: TestPage.Form("wrong", "/"));
        Assert.All([more, moreLogin], answer => Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode));

        // Wrong tokens from the same address (a proxy, a neighbour's script) must not lock the bearer out.
        using var right = await page.GetAsync("/api/v1/runs", TestPage.Token);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await page.StatusAsync(await page.LogInAsync()));
    }

    [Fact]
    public async Task Visitors_WithoutATokenAfterTooManyWrongOnes_AreLedToTheLogIn()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i <= WrongTries.MostAMinute; i++)
        {
            using var wrong = await page.GetAsync("/api/v1/runs", $"wrong-{i}");
        }

        using var visit = await page.GetAsync("/");
        using var login = await page.GetAsync("/login");
        using var api = await page.GetAsync("/api/v1/runs");

        Assert.Equal((HttpStatusCode.Redirect, "/login?to=%2F"), (visit.StatusCode, visit.Headers.Location?.ToString()));
        Assert.Equal(HttpStatusCode.OK, login.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, api.StatusCode);
    }

    [Fact]
    public async Task Cookies_ThatAreWrong_CountLikeTokens()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        for (var i = 0; i < WrongTries.MostAMinute; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await page.StatusAsync($"slowrun-page-{page.Address.Port}={i}"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await page.StatusAsync($"slowrun-page-{page.Address.Port}=more"));
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
}
