using Microsoft.Extensions.Time.Testing;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Tests.Preemption;

public sealed class ComputeMetadataTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider time = new(Now);
    private readonly FakeGcp server = new();
    private readonly ComputeMetadata source;

    public ComputeMetadataTests() => source = new ComputeMetadata(new MetadataOptions { Address = server.Address }, time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        source.Dispose();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Read_OfAPreemptionThatIsWaitedFor_ComesAtOnceAndHasThirtySeconds(bool chunked)
    {
        server.Chunked = chunked;
        Assert.Empty(await source.ReadAsync(Stop));

        var reading = source.ReadAsync(Stop);
        await server.Waiting.Task;
        time.Advance(TimeSpan.FromSeconds(4));
        server.Preempted = "TRUE";

        var notice = Assert.Single(await reading);
        Assert.Equal(new PreemptionNotice("preempted", "preemption", Now.AddSeconds(34), MayAcknowledge: false), notice);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(notice, Assert.Single(await source.ReadAsync(Stop)));
    }

    [Fact]
    public async Task Read_OfAPreemptionBetweenTwoReadings_ReckonsFromTheFirstOfThem()
    {
        Assert.Empty(await source.ReadAsync(Stop));
        server.Preempted = "TRUE";
        time.Advance(TimeSpan.FromSeconds(7));

        Assert.Equal(Now.AddSeconds(30), Assert.Single(await source.ReadAsync(Stop)).Deadline);
    }

    [Fact]
    public async Task Read_OfAPreemptionThatWasThereBefore_TakesItForNow()
    {
        server.Preempted = "TRUE";

        Assert.Equal(Now, Assert.Single(await source.ReadAsync(Stop)).Deadline);
    }

    [Fact]
    public async Task Read_WhenThePreemptionIsWithdrawn_IsEmptyAgain()
    {
        server.Preempted = "TRUE";
        Assert.Single(await source.ReadAsync(Stop));

        server.Preempted = "FALSE";

        Assert.Empty(await source.ReadAsync(Stop));
    }

    [Theory]
    [InlineData("TERMINATE_ON_HOST_MAINTENANCE", false)]
    [InlineData("MIGRATE_ON_HOST_MAINTENANCE", true)]
    public async Task Read_OfAMaintenance_IsANoticeOfAMinuteOrAdvice(string what, bool advice)
    {
        server.Maintenance = what;

        var notice = Assert.Single(await source.ReadAsync(Stop));

        Assert.Equal((what, Now.AddMinutes(1), advice), (notice.What, notice.Deadline, notice.IsAdvice));
    }

    [Theory]
    [InlineData("")]
    [InlineData("true")]
    [InlineData("<html>")]
    public async Task Read_OfAMalformedAnswer_SaysSoAndUnderstandsTheNext(string body)
    {
        server.Preempted = body;
        await Assert.ThrowsAsync<InvalidDataException>(() => source.ReadAsync(Stop));
        server.Preempted = "FALSE";
        server.Maintenance = body;
        await Assert.ThrowsAsync<InvalidDataException>(() => source.ReadAsync(Stop));

        server.Preempted = "TRUE";
        Assert.Single(await source.ReadAsync(Stop));
    }

    [Fact]
    public async Task Read_OfAnAnswerWithoutGooglesHeader_IsNotBelieved()
    {
        server.Misbehaviour = context => FakePlatform.AnswerAsync(context, 200, "TRUE");

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => source.ReadAsync(Stop));
        Assert.Contains("Metadata-Flavor", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_WhenTheServiceFailsAndComesBack_DoesNotWaitForAChange()
    {
        Assert.Empty(await source.ReadAsync(Stop));
        server.Misbehaviour = context => FakePlatform.AnswerAsync(context, 503, "busy");
        await Assert.ThrowsAsync<HttpRequestException>(() => source.ReadAsync(Stop));
        server.Misbehaviour = null;

        Assert.Empty(await source.ReadAsync(Stop));
        Assert.False(server.Waiting.Task.IsCompleted);
    }

    [Fact]
    public async Task Read_WhenNoAnswerComes_IsGivenUpAfterTheWaitAndFiveSeconds()
    {
        Assert.Empty(await source.ReadAsync(Stop));
        var asked = new TaskCompletionSource();
        server.Misbehaviour = async context =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };

        var reading = source.ReadAsync(Stop);
        await asked.Task;
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(reading.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));

        await Assert.ThrowsAsync<HttpRequestException>(() => reading);
    }
}
