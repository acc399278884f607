using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class RunEventsTests
{
    private readonly MemoryStore store = new();
    private readonly RunEvents events;

    public RunEventsTests() => events = new RunEvents(store, "demo");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static RunEvent At(int seconds) =>
        new(DateTimeOffset.UnixEpoch.AddYears(50).AddSeconds(seconds), "stage-taken", "chain0/stage0", $"At {seconds}.");

    [Fact]
    public async Task List_GivesEventsInTheOrderOfTheirTimes()
    {
        foreach (var seconds in new[] { 30, 10, 20, 20, 40 })
        {
            await events.AppendAsync(At(seconds), Cancel);
        }

        Assert.Equal([At(10), At(20), At(20), At(30), At(40)], await events.ListAsync(cancellationToken: Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task List_WithThoseSeen_GivesWhatIsNewWhateverTheClockOfItsWriterSays()
    {
        var seen = new HashSet<string>();
        await events.AppendAsync(At(3600), Cancel);
        Assert.Equal([At(3600)], await events.ListAsync(seen, cancellationToken: Cancel).ToArrayAsync(Cancel));

        await events.AppendAsync(At(0), Cancel);
        await events.AppendAsync(At(7200), Cancel);

        Assert.Equal([At(0), At(7200)], await events.ListAsync(seen, cancellationToken: Cancel).ToArrayAsync(Cancel));
        Assert.Empty(await events.ListAsync(seen, cancellationToken: Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task ListNewest_OfManyEvents_GivesTheLastThatCountInTheOrderOfTheirTimes()
    {
        for (var i = 0; i < 100; i++)
        {
            await events.AppendAsync(At(i), Cancel);
        }

        var read = 0;
        var found = await events.ListNewestAsync(3, happened => read++ >= 0 && happened.At.Second % 10 == 5, cancellationToken: Cancel);

        Assert.Equal([At(75), At(85), At(95)], found);
        // Two pieces, and not all hundred.
        Assert.Equal(32, read);
        Assert.Equal(100, (await events.ListNewestAsync(1000, _ => true, cancellationToken: Cancel)).Count);
        Assert.Empty(
            await events.ListNewestAsync(3, _ => true, new HashSet<string>(await events.ListNamesAsync(Cancel)), cancellationToken: Cancel)
        );
    }

    [Fact]
    public async Task List_WhenOneIsDamaged_ShowsTheOthersAndSaysSo()
    {
        await events.AppendAsync(At(10), Cancel);
        await store.WriteAsync("runs/demo/events/0000000000005-x.json", new byte[3], Cancel);

        var list = await events.ListAsync(cancellationToken: Cancel).ToArrayAsync(Cancel);

        Assert.Equal(["event-damaged", "stage-taken"], list.Select(one => one.Kind));
        Assert.Equal(5, list[0].At.ToUnixTimeMilliseconds());
    }
}
