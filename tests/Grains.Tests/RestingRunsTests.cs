using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Loop;

namespace Slowrun.Grains.Tests;

/// <summary>How often a silo reads runs in which nothing happens.</summary>
public sealed class RestingRunsTests
{
    private readonly FakeTimeProvider time = new();
    private readonly RestingRuns resting;

    public RestingRunsTests() => resting = new RestingRuns(time);

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(500)]
    public void IsLeftAlone_OfRunsAtRest_ReadsAtMostTwoAMinuteHoweverManyThereAre(int count)
    {
        var runs = Enumerable.Range(0, count).Select(i => $"run{i}").ToList();
        runs.ForEach(run => resting.Saw(run, Facts(DesiredState.Cancelled)));

        var reads = 0;
        for (var look = 0; look < 120; look++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            foreach (var run in runs.Where(run => !resting.IsLeftAlone(run, rung: false)))
            {
                reads++;
                resting.Saw(run, Facts(DesiredState.Cancelled));
            }
        }

        Assert.InRange(reads, 5, 20);
    }

    [Fact]
    public void IsLeftAlone_WhenSomebodyRang_IsFalseForAll()
    {
        resting.Saw("a", Facts(DesiredState.Paused));

        Assert.True(resting.IsLeftAlone("a", rung: false));
        Assert.False(resting.IsLeftAlone("a", rung: true));
    }

    [Fact]
    public void IsLeftAlone_OfARunThatGoesOnOrIsStillStopping_IsFalse()
    {
        resting.Saw("a", Facts(DesiredState.Running));
        resting.Saw("b", Facts(DesiredState.Paused, owned: true));

        Assert.False(resting.IsLeftAlone("a", rung: false));
        Assert.False(resting.IsLeftAlone("b", rung: false));
    }

    [Fact]
    public void Saw_OfARunThatCannotBeRead_LetsItRest()
    {
        resting.Saw("a", null);

        Assert.True(resting.IsLeftAlone("a", rung: false));
        resting.Keep([]);
        Assert.False(resting.IsLeftAlone("a", rung: false));
    }

    private static RunFacts Facts(DesiredState state, bool owned = false) =>
        new(SpecReader.FromPreset("micro"))
        {
            Intent = new RunIntent { Run = state },
            AliveSilos = new HashSet<string> { "silo" },
            Roots = owned
                ? new Dictionary<StageId, StageRoot>
                {
                    [new(0, 0)] = new() { EpochToken = 1, Owner = new StageOwner("silo", "silo", [], DateTimeOffset.UnixEpoch) },
                }
                : new Dictionary<StageId, StageRoot>(),
        };
}
