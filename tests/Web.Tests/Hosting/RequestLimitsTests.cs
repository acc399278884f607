using System.Net;
using System.Net.Sockets;
using System.Text;
using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests.Hosting;

/// <summary>What one caller may not take from the others.</summary>
public sealed class RequestLimitsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Connections_IdleUpToTheLimit_KeepOthersServed()
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

    [Fact]
    public async Task Bodies_LargerThanAnybodyNeeds_AreRefused()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostUnreadAsync(
            "/login",
            bearer: null,
            TestPage.Form(new string('x', RequestLimits.LargestBodyBytes), "/")
        );

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    /// <summary>A log-in needs no token, and a spec may arrive slowly: a hundred that are begun and never end do not keep the bearers of
    /// the token out.</summary>
    [Theory]
    [InlineData("/login", "Content-Type: application/x-www-form-urlencoded", "token=")]
    [InlineData("/api/v1/runs?name=mine", $"Authorization: Bearer {TestPage.Token}", "extends: ")]
    public async Task Posts_ThatNeverEnd_LeaveRequestsWithTheTokenServed(string path, string header, string half)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var slow = new List<TcpClient>();
        for (var i = 0; i < 100; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, page.Address.Port, Stop);
            var begun = $"POST {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\nContent-Length: 400\r\n\r\n{half}";
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(begun), Stop);
            slow.Add(client);
        }

        // More than may wait: some have been refused, so the others have been let in.
        await Until.HoldsAsync(() => slow.Count(client => client.Available > 0) >= 20);

        using var answer = await page.GetAsync("/api/v1/runs", TestPage.Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        slow.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Streams_BeyondTheLimit_AreAnsweredWithTryLater()
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

    private static async Task AssertRefusedAsync(string path)
    {
        await using var page = await TestPage.StartAsync();

        using var answer = await page.GetAsync(path);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("expected", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }
}
