using Microsoft.Extensions.Time.Testing;

namespace Slowrun.Storage.Tests;

public sealed class StoreClockTests
{
    private readonly FakeTimeProvider machine = new(new DateTimeOffset(2026, 11, 1, 12, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3600, 3600)]
    [InlineData(-3600, -3599)]
    public async Task Measure_AgainstAStoreOfWholeSeconds_SetsNoMoreThanIsProven(int storeAhead, int expected)
    {
        var clock = new StoreClock(machine);
        var store = new MemoryStore(time: new FakeTimeProvider(machine.GetUtcNow().AddSeconds(storeAhead)));

        await clock.MeasureAsync(store, TestContext.Current.CancellationToken);

        Assert.Equal(expected, clock.Offset.TotalSeconds, 0.03);
        Assert.Equal(TimeSpan.Zero, await clock.MeasureAsync(store, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void GetUtcNow_WhenTheMachinesClockJumps_GoesOnByTheSteadyOne()
    {
        var jumping = new JumpingTime(machine);
        var clock = new StoreClock(jumping);
        var before = clock.GetUtcNow();

        jumping.Jump = TimeSpan.FromHours(1);
        machine.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(before.AddSeconds(2), clock.GetUtcNow());
    }

    [Fact]
    public void Set_ByAnAnswerThatTookLong_BelievesTheOwnClockWithinIt()
    {
        var clock = new StoreClock(machine);
        var sent = clock.GetUtcNow();

        Assert.Equal(TimeSpan.Zero, clock.Set(sent, sent.AddMilliseconds(1500), sent.AddSeconds(3)));
        Assert.Equal(TimeSpan.FromSeconds(1), clock.Set(sent, sent.AddMilliseconds(4000.5), sent.AddMilliseconds(3000.5)));
    }

    private sealed class JumpingTime(TimeProvider inner) : TimeProvider
    {
        public TimeSpan Jump { get; set; }

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + Jump;

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override long GetTimestamp() => inner.GetTimestamp();
    }
}
