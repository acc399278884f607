using System.Net;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Access;

/// <summary>Who may pause, resume and cancel.</summary>
public sealed class OrdersTests
{
    private const string Pause = $"/api/v1/runs/{Running}/orders/pause";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

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
    public async Task Orders_WithTheToken_AreWrittenAndAnnounced()
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
}
