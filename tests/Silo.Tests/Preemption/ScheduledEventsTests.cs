using Microsoft.Extensions.Time.Testing;
using Slowrun.Silo.Preemption;
using Slowrun.Tests.Metadata;

namespace Slowrun.Silo.Tests.Preemption;

public sealed class ScheduledEventsTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider time = new(Now);
    private readonly TroubledMetadataServer server = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Theory]
    [InlineData(30, "R")]
    [InlineData(10, "R")]
    [InlineData(5, "o")]
    [InlineData(0, "yyyy-MM-ddTHH:mm:ssZ")]
    public async Task Read_OfAPreemption_GivesItsDeadlineAndTheSameIdEachTime(int seconds, string dates)
    {
        server.DateFormat = dates;
        using var source = Source();
        Assert.Empty(await source.ReadAsync(Stop));

        var id = server.Announce("Preempt", Now.AddSeconds(seconds), "trainer_3");

        var notice = Assert.Single(await source.ReadAsync(Stop));
        Assert.Equal(new PreemptionNotice(id, "Preempt", Now.AddSeconds(seconds), MayAcknowledge: true), notice);
        Assert.Equal(notice, Assert.Single(await source.ReadAsync(Stop)));
        Assert.Empty(server.Refused);
    }

    [Fact]
    public async Task Read_OfAnEventThatHasStarted_HasTheDeadlineAtWhichItWasSeenFirst()
    {
        server.Announce("Preempt", notBefore: null, "trainer_3");
        using var source = Source();

        Assert.Equal((Now, false), (await OneAsync(source)));
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((Now, false), (await OneAsync(source)));
    }

    [Fact]
    public async Task Read_OfADateThatNobodyUnderstands_TakesItForNow()
    {
        server.DateFormat = "'soon'";
        server.Announce("Preempt", Now.AddMinutes(1), "trainer_3");
        using var source = Source();

        Assert.Equal((Now, true), await OneAsync(source));
    }

    [Fact]
    public async Task Read_OfEventsOfOthersOrOfNoConsequence_IsEmpty()
    {
        server.Announce("Preempt", Now.AddSeconds(30), "trainer_4", "trainer_33");
        server.Announce("Freeze", Now.AddSeconds(30), "trainer_3");
        server.Announce("Reboot", Now.AddSeconds(30));
        using var source = Source();

        Assert.Empty(await source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_OfAnEventThatAffectsOthersToo_MayNotBeAcknowledged()
    {
        server.Announce("Redeploy", Now.AddMinutes(10), "TRAINER_3", "trainer_4");
        using var source = Source();

        Assert.Equal((Now.AddMinutes(10), false), await OneAsync(source));
    }

    [Fact]
    public async Task Read_WhenTheEventIsCancelled_IsEmptyAgain()
    {
        var id = server.Announce("Terminate", Now.AddMinutes(5), "trainer_3");
        using var source = Source();
        Assert.Single(await source.ReadAsync(Stop));

        server.Cancel(id);

        Assert.Empty(await source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_WithAGivenName_DoesNotAskForIt()
    {
        server.Announce("Preempt", Now.AddSeconds(30), "mine");
        using var source = Source(new MetadataOptions { VmName = "mine" });

        Assert.Single(await source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_WithAnotherVersion_IsRefused()
    {
        using var source = Source(new MetadataOptions { ApiVersion = "1999-01-01" });

        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
        Assert.Contains("api-version is '1999-01-01'", Assert.Single(server.Refused), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"Events\": 3}")]
    [InlineData("{\"DocumentIncarnation\": 1}")]
    public async Task Read_OfAMalformedAnswer_SaysSoAndUnderstandsTheNext(string body)
    {
        using var source = Source(new MetadataOptions { VmName = "trainer_3" });
        server.Misbehaviour = (200, body);
        await Assert.ThrowsAsync<InvalidDataException>(() => source.ReadAsync(Stop));

        server.Misbehaviour = null;
        server.Announce("Preempt", Now.AddSeconds(30), "trainer_3");
        Assert.Single(await source.ReadAsync(Stop));
    }

    [Theory]
    [InlineData("{\"Events\": [null, {}, {\"EventId\": \"a\"}, {\"EventId\": \"b\", \"EventType\": \"Preempt\", \"Resources\": [null]}]}")]
    public async Task Read_OfEventsWithoutTheirFields_LeavesThemOut(string body)
    {
        server.Misbehaviour = (200, body);
        using var source = Source(new MetadataOptions { VmName = "trainer_3" });

        Assert.Empty(await source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_OfAServiceThatFailsOrIsNotThere_IsARequestException()
    {
        server.Misbehaviour = (503, "busy");
        using var source = Source();
        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));

        await server.DisposeAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_WhenTheFirstAnswerTakesTwoMinutes_WaitsForIt()
    {
        var answer = new TaskCompletionSource();
        await using var slow = new TroubledMetadataServer { FirstAnswer = answer.Task };
        slow.Announce("Preempt", Now.AddMinutes(5), "trainer_3");
        using var source = new ScheduledEvents(new MetadataOptions { Address = slow.Address, VmName = "trainer_3" }, time);

        var reading = source.ReadAsync(Stop);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.False(reading.IsCompleted);
        answer.SetResult();

        Assert.Single(await reading);
    }

    [Fact]
    public async Task Acknowledge_OfANotice_StartsTheEvent()
    {
        var id = server.Announce("Preempt", Now.AddSeconds(30), "trainer_3");
        using var source = Source();

        await source.AcknowledgeAsync(Assert.Single(await source.ReadAsync(Stop)), Stop);

        Assert.Equal(id, Assert.Single(server.Acknowledged));
        Assert.True(Assert.Single(server.BodyLengths) > 0, "The acknowledgement has no length.");
        Assert.Empty(server.Refused);
        Assert.False(Assert.Single(await source.ReadAsync(Stop)).MayAcknowledge);
    }

    private ScheduledEvents Source(MetadataOptions? options = null) =>
        new((options ?? new MetadataOptions()) with { Address = server.Address }, time);

    private static async Task<(DateTimeOffset Deadline, bool MayAcknowledge)> OneAsync(ScheduledEvents source)
    {
        var notice = Assert.Single(await source.ReadAsync(Stop));
        return (notice.Deadline, notice.MayAcknowledge);
    }
}
