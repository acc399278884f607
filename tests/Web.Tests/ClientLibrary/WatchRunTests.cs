using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Client.Api;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>How a run is watched while servers come and go.</summary>
public sealed class WatchRunTests
{
    private readonly FakeTimeProvider time = new();
    private readonly List<TimeSpan> pauses = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string> Troubles => [.. Troubled.Keys];

    private static Dictionary<string, Func<FakeTimeProvider, HttpResponseMessage>> Troubled { get; } =
        new()
        {
            ["ended"] = _ => ScriptedAnswers.Stream(),
            ["cut"] = _ => ScriptedAnswers.Cut(),
            ["silent"] = time => ScriptedAnswers.Silent(time),
            ["unreachable"] = _ => ScriptedAnswers.Unreachable(),
            ["busy"] = _ => Problem(HttpStatusCode.TooManyRequests, "Too many requests at once."),
            ["without its store"] = _ => Problem(HttpStatusCode.ServiceUnavailable, "The store does not answer."),
            ["behind a proxy"] = _ => ScriptedAnswers.Refusal(HttpStatusCode.BadGateway, "<html></html>", "text/html"),
        };

    [Theory]
    [MemberData(nameof(Troubles))]
    public async Task Run_WhoseServerIsInTrouble_IsWatchedOnAfterPausesThatGrow(string trouble)
    {
        var again = () => Troubled[trouble](time);
        using var client = Client(
            () => ScriptedAnswers.Stream("Pending", "Running"),
            again,
            again,
            () => ScriptedAnswers.Stream("Succeeded")
        );

        Assert.Equal([RunState.Pending, RunState.Running, RunState.Succeeded], await WatchAsync(client));

        Assert.Equal(3, pauses.Count);
        Assert.InRange(pauses[0].TotalSeconds, 0.25, 0.5);
        Assert.InRange(pauses[1].TotalSeconds, 0.5, 1);
        Assert.InRange(pauses[2].TotalSeconds, 1, 2);
    }

    [Fact]
    public async Task Pauses_AfterManyFailures_AreBoundedAndBeginAnewAfterAnAnswer()
    {
        using var client = Client(
            [
                () => ScriptedAnswers.Stream("Running"),
                .. Enumerable.Repeat(ScriptedAnswers.Unreachable, 80),
                () => ScriptedAnswers.Cut("Running"),
                () => ScriptedAnswers.Stream("Failed"),
            ]
        );

        Assert.Equal([RunState.Running, RunState.Running, RunState.Failed], await WatchAsync(client));

        Assert.All(pauses[8..81], pause => Assert.InRange(pause.TotalSeconds, 7.5, 15));
        Assert.InRange(pauses[81].TotalSeconds, 0.25, 0.5);
    }

    [Theory]
    [InlineData("Succeeded")]
    [InlineData("Failed")]
    [InlineData("Cancelled")]
    public async Task Run_ThatIsOver_EndsTheWatching(string state)
    {
        using var client = Client(() => ScriptedAnswers.Silent(time, "Paused", state));

        Assert.Equal([RunState.Paused, Enum.Parse<RunState>(state)], await WatchAsync(client));

        Assert.Empty(pauses);
    }

    [Fact]
    public async Task Server_ThatCannotBeReachedAtFirst_IsAnErrorAtOnce()
    {
        using var client = Client(ScriptedAnswers.Unreachable);

        await Assert.ThrowsAsync<HttpRequestException>(() => WatchAsync(client));

        Assert.Empty(pauses);
    }

    [Fact]
    public async Task Server_ThatIsAwayForLongerThanPatience_IsAnError()
    {
        var busy = () => Troubled["without its store"](time);
        using var client = Client([() => ScriptedAnswers.Stream("Running"), .. Enumerable.Repeat(busy, 80)]);

        var refusal = await Assert.ThrowsAsync<SlowrunException>(() => WatchAsync(client, TimeSpan.FromMinutes(2)));

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "The store does not answer."), (refusal.StatusCode, refusal.Message));
        Assert.InRange(pauses.Sum(pause => pause.TotalSeconds), 120, 135);
    }

    [Fact]
    public async Task Server_ThatSaysNothingForLongerThanPatience_IsAnError()
    {
        using var client = Client(() => ScriptedAnswers.Silent(time, "Running"));

        await Assert.ThrowsAsync<TimeoutException>(() => WatchAsync(client, TimeSpan.Zero));
    }

    [Fact]
    public async Task Run_ThatIsDeletedMeanwhile_IsAnErrorInTheServersWords()
    {
        using var client = Client(
            () => ScriptedAnswers.Stream("Running"),
            () => Problem(HttpStatusCode.NotFound, "There is no run 'mine' in 'memory:'.")
        );

        var refusal = await Assert.ThrowsAsync<SlowrunException>(() => WatchAsync(client));

        Assert.Equal((HttpStatusCode.NotFound, "There is no run 'mine' in 'memory:'."), (refusal.StatusCode, refusal.Message));
    }

    [Fact]
    public async Task Address_OfAnotherPage_IsAnErrorThatShowsIt()
    {
        using var client = Client(() => ScriptedAnswers.Refusal(HttpStatusCode.OK, "<html>A portal</html>", "text/html"));

        var refusal = await Assert.ThrowsAsync<SlowrunException>(() => WatchAsync(client));

        Assert.Contains(
            "200 of the type 'text/html', expected is a stream of events.\n<html>A portal",
            refusal.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Caller_WhoStopsWaiting_IsObeyedDuringAPause()
    {
        using var caller = new CancellationTokenSource();
        using var client = new SlowrunClient(Nowhere, handler: new ScriptedAnswers(() => ScriptedAnswers.Stream("Running")))
        {
            Pause = (pause, stop) =>
            {
                caller.Cancel();
                return Task.Delay(pause, stop);
            },
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var status in client.WatchRunAsync("mine", cancellationToken: caller.Token))
            {
                Assert.Equal(RunState.Running, status.State);
            }
        });
    }

    private static Uri Nowhere { get; } = new("http://nowhere.invalid");

    private SlowrunClient Client(params Func<HttpResponseMessage>[] answers) =>
        new(Nowhere, handler: new ScriptedAnswers(answers))
        {
            Time = time,
            Pause = (pause, _) =>
            {
                pauses.Add(pause);
                time.Advance(pause);
                return Task.CompletedTask;
            },
        };

    private static async Task<List<RunState>> WatchAsync(SlowrunClient client, TimeSpan? patience = null)
    {
        var states = new List<RunState>();
        await foreach (var status in client.WatchRunAsync("mine", patience, Stop))
        {
            states.Add(status.State);
        }

        return states;
    }

    private static HttpResponseMessage Problem(HttpStatusCode status, string detail) =>
        ScriptedAnswers.Refusal(status, $$"""{"status":{{(int)status}},"detail":"{{detail}}"}""", "application/problem+json");
}
