using System.Net;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Access;

/// <summary>Who may pause, resume, cancel, retry and change operations.</summary>
public sealed class OrdersTests
{
    private const string Pause = $"/api/v1/runs/{Running}/orders/pause";

    private const string Set = $"/api/v1/runs/{Running}/operations";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Orders_WithoutTheToken_ChangeNothing()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        foreach (var path in new[] { Pause, $"/runs/{Running}/orders/cancel", $"{Set}?set=priority=3" })
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

    [Fact]
    public async Task Operations_WithTheToken_AreChangedAsByTheCommand()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);

        using var answer = await page.PostAsync($"{Set}?set=priority=3&set=checkpoint.interval=5m", TestPage.Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("\"priority\":3", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        var operations = (await new RunDocuments(page.Store, Running).TryReadSpecAsync(Stop))!.Operations;
        Assert.Equal((3, TimeSpan.FromMinutes(5)), (operations.Priority, operations.CheckpointAtMostEvery));
        Assert.Equal([Running], page.Live.Pokes);
        var told = await new RunEvents(page.Store, Running).ListAsync(cancellationToken: Stop).LastAsync(Stop);
        Assert.Equal(Core.Stages.EventKind.OperationsChanged, told.Kind);
    }

    [Fact]
    public async Task Operations_OfARunWithReceivers_AreChangedBesideThem()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var documents = new RunDocuments(page.Store, Running);
        var spec = (await documents.TryReadSpecAsync(Stop))!;
        await new OperationsOrder(page.Store, TimeProvider.System).ChangeAsync(
            spec,
            ["notify=[{url: env:NTFY_URL, about: [finished, failed]}]"],
            cancellationToken: Stop
        );

        using var answer = await page.PostAsync($"{Set}?set=priority=3", TestPage.Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var now = (await documents.TryReadSpecAsync(Stop))!.Operations;
        Assert.Equal((3, "env:NTFY_URL"), (now.Priority, Assert.Single(now.Notify!).Url));
    }

    [Theory]
    [InlineData("", "Found no 'set'")]
    [InlineData("?set=priority=many", "priority")]
    [InlineData("?set=keepCheckpoints=1", "a damaged checkpoint needs one before it")]
    [InlineData("?set=recipe.seed=5", "its recipe is fixed")]
    [InlineData("?set=notify=https://attacker.example/", "Receivers of notices")]
    [InlineData("?set=priority=1&set=operations.notify=[{url: env:SECRET}]", "Receivers of notices")]
    public async Task Operations_ThatAreNotToBeChanged_StayAsTheyAre(string query, string message)
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var before = (await new RunDocuments(page.Store, Running).TryReadSpecAsync(Stop))!.Operations;

        using var answer = await page.PostAsync(Set + query, TestPage.Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(
            message,
            System.Text.RegularExpressions.Regex.Unescape(await answer.Content.ReadAsStringAsync(Stop)),
            StringComparison.Ordinal
        );
        Assert.Equal(before, (await new RunDocuments(page.Store, Running).TryReadSpecAsync(Stop))!.Operations);
    }

    [Fact]
    public async Task Retry_OfAFailedStage_IsAskedForOnceForEachFailure()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var run = await ExampleRun.OpenAsync(page.Store, Running, Stop);
        await run.HaveFailedAsync("chain0/stage1");
        using (var shown = await page.GetAsync($"/runs/{Running}", TestPage.Token))
        {
            Assert.Contains("Retry what failed", await shown.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        }

        for (var i = 0; i < 2; i++)
        {
            using var answer = await page.PostAsync($"/api/v1/runs/{Running}/orders/retry", TestPage.Token);
            Assert.Equal(i == 0 ? HttpStatusCode.OK : HttpStatusCode.Conflict, answer.StatusCode);
        }

        Assert.Equal(1, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Retries["chain0/stage1"]);
    }

    [Fact]
    public async Task Orders_ByAGivenName_AreThoseOfItsRun()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        await new RunNaming(page.Store).GiveAsync(Running, "best", Stop);

        using var answer = await page.PostAsync("/api/v1/runs/best/orders/pause", TestPage.Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(Core.Stages.DesiredState.Paused, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
        foreach (
            var (path, shown) in new[]
            {
                ("/api/v1/runs/best", "\"givenName\":\"best\""),
                ("/api/v1/runs", "\"givenName\":\"best\""),
                ("/api/v1/runs/best/events", "\"events\""),
                ($"/api/v1/compare?run=best&run={Finished}", $"\"name\":\"{Running}\""),
                ("/", $"href=\"/runs/{Running}\">best</a>"),
                ("/runs/best", "<h1>best</h1>"),
                ("/runs/best/losses", "<h1>best</h1>"),
            }
        )
        {
            using var found = await page.GetAsync(path, TestPage.Token);
            Assert.Contains(shown, await found.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/api/v1/runs/finished/orders/pause", HttpStatusCode.Conflict)]
    [InlineData("/api/v1/runs/running/orders/retry", HttpStatusCode.Conflict)]
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
