using System.Net;
using System.Text.Json;
using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Notices;
using Slowrun.Silo.Notices;
using Slowrun.Tests.Webhook;

namespace Slowrun.Silo.Tests.Notices;

/// <summary>What receivers get, and what is made of their answers. No message shows what stands in the environment.</summary>
public sealed class WebhookSenderTests : IAsyncDisposable
{
    private const string Secret = "s3cret-path";

    private static readonly Notice Finished = new()
    {
        Id = "finished",
        Kind = NoticeKind.Finished,
        Run = "demo",
        Title = "Run demo has finished",
        Text = "A loss of 1.6356 nats < 2 & falling.",
        At = new DateTimeOffset(2026, 11, 1, 12, 0, 0, TimeSpan.Zero),
        SubmittedAt = new DateTimeOffset(2026, 10, 30, 12, 0, 0, TimeSpan.Zero),
        LossNats = 1.6356,
        BitsPerByte = 2.3592,
    };

    private readonly WebhookServer server = new();
    private readonly Dictionary<string, string> environment = [];
    private readonly WebhookSender sender;

    public WebhookSenderTests()
    {
        environment["HOOK"] = new Uri(server.Url, Secret).ToString();
        sender = new WebhookSender(
            environment.GetValueOrDefault,
            TimeProvider.System,
            new WebhookTries { FirstPause = TimeSpan.FromMilliseconds(1), Retries = 3 }
        );
    }

    public async ValueTask DisposeAsync()
    {
        sender.Dispose();
        await server.DisposeAsync();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static NotifyTarget To(string? format = null) => new() { Url = "env:HOOK", Format = format };

    private Task<NoticeEnd> SendAsync(NotifyTarget target) => sender.SendAsync(Finished, target, Stop, Stop);

    private async Task<(WebhookRequest Request, JsonElement Body)> PostedAsync(string? format)
    {
        Assert.True((await SendAsync(To(format))).Delivered);
        var request = Assert.Single(server.Requests);
        Assert.Equal(("POST", $"/{Secret}"), (request.Method, request.Path));
        using var body = JsonDocument.Parse(request.Body);
        return (request, body.RootElement.Clone());
    }

    [Fact]
    public async Task Send_InSlacksFormat_PostsAnEscapedText()
    {
        var (request, body) = await PostedAsync(NoticeFormat.Slack);

        Assert.StartsWith("application/json", request.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.Equal("*Run demo has finished*\nA loss of 1.6356 nats &lt; 2 &amp; falling.", body.GetProperty("text").GetString());
        Assert.Single(body.EnumerateObject());
    }

    [Fact]
    public async Task Send_InDiscordsFormat_PostsContentThatCallsNobody()
    {
        var (_, body) = await PostedAsync(NoticeFormat.Discord);

        Assert.Equal("**Run demo has finished**\nA loss of 1.6356 nats < 2 & falling.", body.GetProperty("content").GetString());
        Assert.Empty(body.GetProperty("allowed_mentions").GetProperty("parse").EnumerateArray());
    }

    [Fact]
    public async Task Send_InDiscordsFormat_StaysBelowItsLimit()
    {
        var longer = Finished with { Text = new string('x', 5000) };

        await sender.SendAsync(longer, To(NoticeFormat.Discord), Stop, Stop);

        using var body = JsonDocument.Parse(Assert.Single(server.Requests).Body);
        Assert.InRange(body.RootElement.GetProperty("content").GetString()!.Length, 1000, 2000);
    }

    [Fact]
    public async Task Send_InNtfysFormat_PostsTextWithTitlePriorityAndTags()
    {
        Assert.True((await SendAsync(To(NoticeFormat.Ntfy))).Delivered);

        var request = Assert.Single(server.Requests);
        Assert.Equal(Finished.Text, request.Body);
        Assert.Equal(
            ("Run demo has finished", "default", "white_check_mark,demo"),
            (request.Headers["Title"], request.Headers["Priority"], request.Headers["Tags"])
        );
    }

    [Fact]
    public async Task Send_AsACloudEvent_PostsItsStructuredForm()
    {
        var (request, body) = await PostedAsync(NoticeFormat.CloudEvents);

        Assert.StartsWith("application/cloudevents+json", request.Headers["Content-Type"], StringComparison.Ordinal);
        // The four that CloudEvents 1.0 requires.
        Assert.Equal("1.0", body.GetProperty("specversion").GetString());
        Assert.Equal(Finished.Key(), body.GetProperty("id").GetString());
        Assert.Equal("/slowrun/runs/demo", body.GetProperty("source").GetString());
        Assert.Equal("slowrun.run.finished", body.GetProperty("type").GetString());
        Assert.Equal(Finished.At, body.GetProperty("time").GetDateTimeOffset());
        Assert.Equal("demo", body.GetProperty("subject").GetString());
        Assert.Equal("application/json", body.GetProperty("datacontenttype").GetString());
        Assert.Equal(1.6356, body.GetProperty("data").GetProperty("lossNats").GetDouble());
    }

    [Fact]
    public async Task Send_WithoutAFormat_PostsTheNotice()
    {
        var (request, body) = await PostedAsync(null);

        Assert.Equal(
            ("demo-1793361600-finished", "finished", "demo", 2.3592),
            (
                body.GetProperty("id").GetString(),
                body.GetProperty("kind").GetString(),
                body.GetProperty("run").GetString(),
                body.GetProperty("bitsPerByte").GetDouble()
            )
        );
        Assert.Equal("\"demo-1793361600-finished\"", request.Key);
    }

    [Fact]
    public async Task Send_WithHeaders_TakesThemFromTheEnvironment()
    {
        environment["TOKEN"] = " Bearer abc\n";
        var target = To() with
        {
            Headers = new Dictionary<string, string> { ["Authorization"] = "env:TOKEN", ["X-Team"] = "lm" },
        };

        Assert.Null(sender.Lacks(target));
        Assert.True((await SendAsync(target)).Delivered);

        var headers = Assert.Single(server.Requests).Headers;
        Assert.Equal(("Bearer abc", "lm"), (headers["Authorization"], headers["X-Team"]));
    }

    [Fact]
    public async Task Send_WithAHeaderThatIsTheMessagesOwn_EndsWithoutIt()
    {
        // As a document may have it that went past the rules.
        var end = await SendAsync(To() with { Headers = new Dictionary<string, string> { ["Content-Type"] = Secret } });

        Assert.Equal((false, false), (end.Delivered, end.Interrupted));
        Assert.StartsWith("it cannot be sent", end.Why, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, end.Why, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Send_ToOneThatFailsTwice_IsDeliveredUnderOneKey()
    {
        var left = 2;
        server.Answer = _ => left-- == 2 ? new WebhookReply { Closes = true } : new WebhookReply(left >= 0 ? 503 : 204);

        Assert.True((await SendAsync(To())).Delivered);

        Assert.Equal(3, server.Requests.Count);
        Assert.Single(server.Requests.Select(request => request.Key).Distinct());
    }

    [Fact]
    public async Task Send_ToOneThatAlwaysFails_EndsWithTheStatusAlone()
    {
        server.Answer = _ => new WebhookReply(500);

        var end = await SendAsync(To());

        Assert.Equal((false, false, "it answers 500."), (end.Delivered, end.Interrupted, end.Why));
        Assert.Equal(4, server.Requests.Count);
    }

    [Theory]
    [InlineData(404, "it answers 404: there is no such webhook (any more).")]
    [InlineData(403, "it answers 403: it does not accept the URL or the token.")]
    [InlineData(400, "it answers 400: it does not understand this format (see 'format' in docs/notify.md).")]
    public async Task Send_ToOneThatRefuses_IsGivenUpAtOnce(int status, string why)
    {
        server.Answer = _ => new WebhookReply(status);

        Assert.Equal(why, (await SendAsync(To())).Why);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Send_ToOneThatHangs_IsGivenUpInTime()
    {
        server.Answer = _ => new WebhookReply { Hangs = true };
        using var hasty = new WebhookSender(
            environment.GetValueOrDefault,
            TimeProvider.System,
            new WebhookTries
            {
                EachTry = TimeSpan.FromMilliseconds(50),
                Retries = 1,
                FirstPause = TimeSpan.FromMilliseconds(1),
            }
        );

        var end = await hasty.SendAsync(Finished, To(), Stop, Stop);

        Assert.Equal((false, false, "it did not answer within 0 s."), (end.Delivered, end.Interrupted, end.Why));
    }

    [Fact]
    public async Task Send_WhenTheSiloStops_LeavesItOwed()
    {
        server.Answer = _ => new WebhookReply(500);
        using var stopping = new CancellationTokenSource();
        var slow = new WebhookSender(
            environment.GetValueOrDefault,
            TimeProvider.System,
            new WebhookTries { FirstPause = TimeSpan.FromHours(1) }
        );
        var sending = slow.SendAsync(Finished, To(), stopping.Token, Stop);
        await server.ArrivedAsync();

        await stopping.CancelAsync();

        Assert.True((await sending).Interrupted);
        slow.Dispose();
    }

    [Fact]
    public async Task Send_ToOneThatRedirects_FollowsToTheSameHostOnly()
    {
        await using var other = new WebhookServer();
        server.Answer = request =>
            request.Path == "/moved"
                ? new WebhookReply()
                : new WebhookReply(307) { Headers = new Dictionary<string, string> { ["Location"] = "/moved" } };
        Assert.True((await SendAsync(To())).Delivered);
        Assert.Equal([$"/{Secret}", "/moved"], server.Requests.Select(request => request.Path));
        Assert.NotEmpty(server.Requests[1].Body);

        server.Answer = _ => new WebhookReply(308) { Headers = new Dictionary<string, string> { ["Location"] = other.Url.ToString() } };
        var end = await SendAsync(To());

        Assert.False(end.Delivered);
        Assert.Contains("a redirect that is not followed", end.Why, StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Theory]
    [InlineData("http://169.254.169.254/metadata/instance")]
    [InlineData("http://[::ffff:169.254.169.254]/")]
    [InlineData("http://168.63.129.16/machine")]
    [InlineData("http://[fd00:ec2::254]/")]
    public async Task Send_ToAMetadataService_IsRefused(string url)
    {
        environment["HOOK"] = url;

        var end = await SendAsync(To());

        Assert.Equal("its address belongs to the machine's own metadata service, to which nothing is sent.", end.Why);
    }

    [Fact]
    public async Task Send_ToNobody_TellsTheKindOfFailureWithoutTheAddress()
    {
        var gone = new WebhookServer();
        environment["HOOK"] = new Uri(gone.Url, Secret).ToString();
        await gone.DisposeAsync();

        var end = await SendAsync(To());

        Assert.Equal("the connection failed (ConnectionRefused).", end.Why);
    }

    [Theory]
    [InlineData("env:NONE", "has no environment variable 'NONE'")]
    [InlineData("env:NO_URL", "has no http or https URL in its environment variable 'NO_URL'")]
    [InlineData("env:SLOWRUN_TOKEN", "sends no variable of the name 'SLOWRUN_TOKEN'")]
    [InlineData("env:AZURE_CLIENT_SECRET", "sends no variable of the name 'AZURE_CLIENT_SECRET'")]
    public void Lacks_OfAVariableThatIsNotThere_NamesItWithoutItsValue(string url, string lack)
    {
        environment["NO_URL"] = Secret;
        environment["SLOWRUN_TOKEN"] = environment["AZURE_CLIENT_SECRET"] = server.Url.ToString();

        Assert.Equal(lack, sender.Lacks(new NotifyTarget { Url = url }));
    }

    [Theory]
    [InlineData("169.254.0.1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("127.0.0.1", false)]
    public void IsForbidden_OfAnAddress_IsSoForThoseOfTheMachineItself(string address, bool forbidden) =>
        Assert.Equal(forbidden, WebhookConnections.IsForbidden(IPAddress.Parse(address)));
}
