using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Grains.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>Ready work is handed to one silo at a time, and soon to another one where that does nothing with it.</summary>
public sealed class HandOutTests
{
    private readonly FakeTimeProvider time = new();
    private readonly HandOut handOut;
    private readonly HashSet<string> alive = ["one", "two"];

    public HandOutTests() => handOut = new HandOut(time);

    [Fact]
    public void To_TwoSilosOfOneSlot_HandsEachAnotherStage()
    {
        var ready = Ready(0, 1, 2);

        var (first, waiting) = To(ready, "one");
        var (second, left) = To(ready, "two");

        Assert.Equal(Names(0), first);
        Assert.Equal(Names(1), second);
        Assert.Equal((3, 2), (waiting, left));
        Assert.Equal(Names(0), To(ready, "one").Handed);
    }

    [Fact]
    public void To_WhenASiloLeavesWhatItWasHanded_HandsItToTheNext()
    {
        var ready = Ready(0);
        To(ready, "one");

        Assert.Empty(To(ready, "two").Handed);
        Assert.Empty(To(ready, "one", notMine: Names(0)).Handed);
        Assert.Equal(Names(0), To(ready, "two").Handed);
    }

    [Fact]
    public void To_WhenASiloIsGoneOrSilent_HandsItsWorkToTheNext()
    {
        var ready = Ready(0);
        To(ready, "one");
        alive.Remove("one");
        Assert.Equal(Names(0), To(ready, "two").Handed);

        alive.Add("one");
        Assert.Empty(To(ready, "one").Handed);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(Names(0), To(ready, "one").Handed);
    }

    [Fact]
    public void To_WhenTheStageWasTakenAndLostSince_IsNoLongerBoundByTheHandOut()
    {
        To(Ready(0), "one");

        Assert.Equal(Names(0), To([Train(0) with { EpochToken = 1 }], "two").Handed);
    }

    [Fact]
    public void To_WhileASiloIsAtWorkOnWhatHasNoOwner_OffersItToNobody()
    {
        IReadOnlyList<ReadyWork> ready = [new(WorkKind.Score, "run", new StageId(0, 0))];
        To(ready, "one");
        To(ready, "one", most: 0, atWork: [ready[0].Name]);

        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(To(ready, "two").Handed);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([ready[0].Name], To(ready, "two").Handed);
    }

    [Fact]
    public void To_WhenASiloIsNoLongerAtWhatItWas_HandsItToTheNextAtOnce()
    {
        IReadOnlyList<ReadyWork> ready = [new(WorkKind.Score, "run", new StageId(0, 0))];
        To(ready, "one", most: 0, atWork: [ready[0].Name]);
        Assert.Empty(handOut.Unhanded(ready, alive.Contains));

        To(ready, "one", most: 0);

        Assert.Equal(ready, handOut.Unhanded(ready, alive.Contains));
        Assert.Equal([ready[0].Name], To(ready, "two").Handed);
    }

    private (IReadOnlyList<string> Handed, int Waiting) To(
        IReadOnlyList<ReadyWork> ready,
        string silo,
        int most = 1,
        IReadOnlyList<string>? notMine = null,
        IReadOnlyList<string>? atWork = null
    ) => handOut.To(ready, silo, most, notMine ?? [], atWork ?? [], alive.Contains);

    private static ReadyWork[] Ready(params int[] chains) => [.. chains.Select(Train)];

    private static ReadyWork Train(int chain) => new(WorkKind.Train, "run", new StageId(chain, 0)) { EpochToken = 0 };

    private static string[] Names(params int[] chains) => [.. Ready(chains).Select(work => work.Name)];
}
