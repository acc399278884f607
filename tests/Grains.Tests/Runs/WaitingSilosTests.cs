using Slowrun.Core.Plan;
using Slowrun.Grains.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>Who is woken for ready work: as many as it needs, of those that could do it.</summary>
public sealed class WaitingSilosTests
{
    private static readonly HashSet<string> Active = ["one", "two", "three"];

    private readonly WaitingSilos waiting = new();

    [Fact]
    public void ToWake_ForOnePieceOfWork_IsOneSiloThatWaits_AndOnceOnly()
    {
        Asked("one", left: 0);
        Asked("two", left: 1);
        Asked("three", left: 1);

        Assert.Single(waiting.ToWake(Ready(0), Active), silo => silo is "two" or "three");
        Assert.Single(waiting.ToWake(Ready(0), Active), silo => silo is "two" or "three");
        Assert.Empty(waiting.ToWake(Ready(0), Active));
        Asked("two", left: 1);
        Assert.Equal(["two"], waiting.ToWake(Ready(0), Active));
    }

    [Fact]
    public void ToWake_ForAsMuchWorkAsOneSiloHasSlots_IsThatOne()
    {
        Asked("one", left: 3);
        Asked("two", left: 0);
        Asked("three", left: 0);

        Assert.Equal(["one"], waiting.ToWake(Ready(0, 1, 2), Active));
    }

    [Fact]
    public void ToWake_ForWhatASiloLeavesAlone_IsAnother()
    {
        Asked("one", left: 1, Ready(0)[0].Name);
        Asked("two", left: 1);
        Asked("three", left: 0);

        Assert.Equal(["two"], waiting.ToWake(Ready(0), Active));
        Assert.Empty(waiting.ToWake(Ready(0), Active));
    }

    [Fact]
    public void ToWake_WhenTooFewWait_IsAlsoWhoNeverAsked_Once()
    {
        Asked("one", left: 1);

        Assert.Equal(["one", "three", "two"], waiting.ToWake(Ready(0, 1), Active).Order(StringComparer.Ordinal));
        Assert.Empty(waiting.ToWake(Ready(0, 1), Active));
    }

    [Fact]
    public void ToWake_WhenASiloThatWaitedIsLeavingOrGone_IsAnother()
    {
        Asked("one", left: 1);
        Asked("two", left: 1);

        Assert.Equal(["two"], waiting.ToWake(Ready(0), new HashSet<string> { "two" }));
    }

    [Fact]
    public void ToWake_WhenNothingIsReady_IsNobody()
    {
        Asked("one", left: 1);

        Assert.Empty(waiting.ToWake([], Active));
    }

    [Fact]
    public void ToWake_OfHundredsThatNeverAsked_IsAFewForEachPieceOfWork()
    {
        var many = Enumerable.Range(0, 500).Select(silo => $"silo {silo}").ToHashSet();

        Assert.Equal(6, waiting.ToWake(Ready(0, 1), many).Count);
        Assert.Empty(new WaitingSilos().ToWake(Ready(0, 1), many, strangers: false));
    }

    [Fact]
    public void ToWake_ForWhatASiloWasWokenForBefore_IsTwo()
    {
        Asked("one", left: 1);
        Asked("two", left: 1);
        Asked("three", left: 1);

        Assert.Single(waiting.ToWake(Ready(0), Active));
        Assert.Equal(2, waiting.ToWake(Ready(0), Active).Count);
    }

    /// <summary>All silos have a free slot and refuse it: they would be woken at each look of each of them.</summary>
    [Fact]
    public void ToWake_ForWorkThatStaysUnhanded_IsLessAndLessOften_UntilItsTokenIsAnother()
    {
        IReadOnlyCollection<string> Look(long token)
        {
            foreach (var silo in Active)
            {
                Asked(silo, left: 1);
            }

            return waiting.ToWake([Ready(0)[0] with { EpochToken = token }], Active);
        }

        var woken = Enumerable.Range(1, 64).Where(_ => Look(token: 0).Count > 0);
        Assert.Equal([1, 2, 4, 8, 16, 32, 64], woken);
        Assert.Empty(Look(token: 0));
        Assert.NotEmpty(Look(token: 1));
    }

    /// <summary>No silo was woken for it: nothing is known of how it would be received.</summary>
    [Fact]
    public void ToWake_ForWorkThatNoSiloWaitedFor_IsAtOnceWhenOneDoes()
    {
        foreach (var silo in Active)
        {
            Asked(silo, left: 0);
        }

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Empty(waiting.ToWake(Ready(0), Active)));
        Asked("two", left: 1);
        Assert.Equal(["two"], waiting.ToWake(Ready(0), Active));
    }

    [Fact]
    public void ToWake_OfManyThatWait_IsNotAlwaysTheSame()
    {
        var first = new HashSet<string>();
        for (var run = 0; run < 200; run++)
        {
            var silos = new WaitingSilos();
            foreach (var silo in Active)
            {
                silos.Asked(silo, left: 1, new HashSet<string>());
            }

            first.UnionWith(silos.ToWake(Ready(0), Active));
        }

        Assert.Equal(Active.Order(), first.Order());
    }

    private void Asked(string silo, int left, params string[] notMine) => waiting.Asked(silo, left, notMine.ToHashSet());

    private static ReadyWork[] Ready(params int[] chains) =>
        [.. chains.Select(chain => new ReadyWork(WorkKind.Train, "run", new StageId(chain, 0)) { EpochToken = 0 })];
}
