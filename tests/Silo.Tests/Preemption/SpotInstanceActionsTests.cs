using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Tests.Preemption;

public sealed class SpotInstanceActionsTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider time = new(Now);
    private readonly FakeAws server = new();
    private readonly SpotInstanceActions source;

    public SpotInstanceActionsTests() => source = new SpotInstanceActions(new MetadataOptions { Address = server.Address }, time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        source.Dispose();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("terminate", false)]
    [InlineData("stop", true)]
    [InlineData("hibernate", false)]
    public async Task Read_OfAnAction_GivesItsTimeAndTheSameIdEachTime(string action, bool chunked)
    {
        Assert.Empty(await source.ReadAsync(Stop));

        (server.Action, server.Chunked) = ($$"""{"action": "{{action}}", "time": "2026-11-01T12:02:00Z"}""", chunked);

        var notice = Assert.Single(await source.ReadAsync(Stop));
        Assert.Equal(new PreemptionNotice($"{action}@2026-11-01T12:02:00Z", action, Now.AddMinutes(2), MayAcknowledge: false), notice);
        Assert.Equal(notice, Assert.Single(await source.ReadAsync(Stop)));
        Assert.Equal(1, server.Tokens);
    }

    [Fact]
    public async Task Read_WhenTheTokenHasEnded_AsksForAnotherAndAgain()
    {
        Assert.Empty(await source.ReadAsync(Stop));
        server.EndTokens();
        server.Action = """{"action": "stop", "time": "2026-11-01T12:02:00Z"}""";

        Assert.Single(await source.ReadAsync(Stop));
        Assert.Equal(2, server.Asked.Count(asked => asked == "PUT /latest/api/token"));
    }

    [Fact]
    public async Task Read_WhenEveryTokenIsRefused_IsARefusalThatEnds()
    {
        server.Misbehaviour = context => FakePlatform.AnswerAsync(context, context.Request.Method == "PUT" ? 200 : 401, "token");

        var e = await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
        Assert.Equal(HttpStatusCode.Unauthorized, e.StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
        Assert.Equal(2, server.Asked.Count(asked => asked == "PUT /latest/api/token"));
    }

    [Fact]
    public async Task Read_OfARebalanceRecommendation_IsAdviceUntilTheActionComes()
    {
        server.Rebalance = """{"noticeTime": "2026-11-01T11:59:00Z"}""";

        Assert.True(Assert.Single(await source.ReadAsync(Stop)).IsAdvice);
        server.Action = """{"action": "terminate", "time": "2026-11-01T12:02:00Z"}""";
        Assert.False(Assert.Single(await source.ReadAsync(Stop)).IsAdvice);
    }

    [Fact]
    public async Task Read_WhenTheActionIsWithdrawn_IsEmptyAgain()
    {
        server.Action = """{"action": "stop", "time": "2026-11-01T12:02:00Z"}""";
        Assert.Single(await source.ReadAsync(Stop));

        server.Action = null;

        Assert.Empty(await source.ReadAsync(Stop));
    }

    [Theory]
    [InlineData("""{"action": "terminate"}""")]
    [InlineData("""{"action": "terminate", "time": "soon"}""")]
    public async Task Read_OfAnActionWithoutATime_TakesItForNow(string action)
    {
        server.Action = action;

        var notice = Assert.Single(await source.ReadAsync(Stop));
        time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(Now, notice.Deadline);
        Assert.Equal(notice, Assert.Single(await source.ReadAsync(Stop)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"action": 3}""")]
    public async Task Read_OfAMalformedAnswer_SaysSoAndUnderstandsTheNext(string body)
    {
        server.Action = body;
        await Assert.ThrowsAsync<InvalidDataException>(() => source.ReadAsync(Stop));

        server.Action = """{"action": "stop", "time": "2026-11-01T12:02:00Z"}""";
        Assert.Single(await source.ReadAsync(Stop));
    }

    [Theory]
    [InlineData(503)]
    [InlineData(403)]
    [InlineData(301)]
    public async Task Read_OfAServiceThatFails_IsARequestException(int status)
    {
        server.Misbehaviour = context => FakePlatform.AnswerAsync(context, status, "busy");

        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_WhenNoAnswerComes_IsGivenUpAfterFiveSeconds()
    {
        var asked = new TaskCompletionSource();
        server.Misbehaviour = async context =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };

        var reading = source.ReadAsync(Stop);
        await asked.Task;
        time.Advance(TimeSpan.FromSeconds(6));

        await Assert.ThrowsAsync<HttpRequestException>(() => reading);
    }

    [Fact]
    public async Task Read_OfAnAnswerWithoutEnd_IsARequestException()
    {
        server.Misbehaviour = async context =>
        {
            var much = new byte[1 << 16];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(much, context.RequestAborted);
            }
        };

        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
    }
}
