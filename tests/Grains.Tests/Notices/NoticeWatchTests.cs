using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Notices;

namespace Slowrun.Grains.Tests.Notices;

/// <summary>When a run counts as standing still.</summary>
public sealed class NoticeWatchTests
{
    private static readonly StageId Stage = new(0, 0);
    private static readonly NotifyTarget Patient = new() { Url = "env:HOOK", StalledAfter = TimeSpan.FromMinutes(30) };

    private readonly FakeTimeProvider time = new();
    private readonly NoticeWatch watch;
    private readonly DateTimeOffset submitted;

    public NoticeWatchTests() => (watch, submitted) = (new NoticeWatch(time), time.GetUtcNow());

    [Fact]
    public void StalledFor_ARunWhoseStepsGoOn_IsNull()
    {
        for (var step = 0; step < 10; step++)
        {
            watch.Saw(At(step));
            Assert.Null(watch.StalledFor(At(step), Patient));
            time.Advance(TimeSpan.FromMinutes(20));
        }
    }

    [Fact]
    public void StalledFor_ARunWithoutAStep_IsTheTimeSinceTheLastOne()
    {
        watch.Saw(At(3));
        time.Advance(TimeSpan.FromMinutes(29));
        watch.Saw(At(3));
        Assert.Null(watch.StalledFor(At(3), Patient));

        time.Advance(TimeSpan.FromMinutes(2));
        watch.Saw(At(3));
        Assert.Equal(TimeSpan.FromMinutes(31), watch.StalledFor(At(3), Patient));
        Assert.NotNull(watch.StalledFor(At(3), Patient with { StalledAfter = TimeSpan.FromMinutes(10) }));
        Assert.Null(watch.StalledFor(At(3), Patient with { StalledAfter = TimeSpan.FromHours(1) }));

        watch.Saw(At(4));
        Assert.Null(watch.StalledFor(At(4), Patient));
    }

    [Fact]
    public void StalledFor_APausedRun_IsNullAndBeginsAnewWhenItGoesOn()
    {
        watch.Saw(At(3));
        time.Advance(TimeSpan.FromHours(5));
        watch.Saw(At(3, DesiredState.Paused));
        Assert.Null(watch.StalledFor(At(3, DesiredState.Paused), Patient));

        time.Advance(TimeSpan.FromMinutes(10));
        watch.Saw(At(3));
        Assert.Null(watch.StalledFor(At(3), Patient));
    }

    [Fact]
    public void StalledFor_ARunThatStoodStillBeforeTheSiloCame_IsToldAfterAMomentOfGrace()
    {
        time.Advance(TimeSpan.FromHours(3));
        watch.Saw(At(0));
        Assert.Null(watch.StalledFor(At(0), Patient));

        time.Advance(TimeSpan.FromMinutes(5));
        watch.Saw(At(0));
        Assert.Equal(TimeSpan.FromMinutes(185), watch.StalledFor(At(0), Patient));
    }

    [Fact]
    public void Saw_OfLostMachines_GivesEachOnceAndNoneOfBefore()
    {
        Assert.Empty(watch.Saw(Lost("a")));
        Assert.Equal(["b", "c"], watch.Saw(Lost("a", "b", "c")).Order(StringComparer.Ordinal));
        Assert.Empty(watch.Saw(Lost("b", "c")));
        Assert.Empty(watch.Saw(Lost("a", "b", "c")));
    }

    private RunFacts At(int step, DesiredState state = DesiredState.Running) =>
        new(SpecReader.FromPreset("micro"))
        {
            SubmittedAt = submitted,
            Intent = new RunIntent { Run = state },
            AliveSilos = new HashSet<string> { "silo" },
            Roots = new Dictionary<StageId, StageRoot>
            {
                [Stage] = new() { EpochToken = 1, Owner = new StageOwner("silo", "silo", [], submitted) },
            },
            Progress = new Dictionary<StageId, StageProgress>
            {
                [Stage] = new()
                {
                    Stage = Stage.ToString(),
                    EpochToken = 1,
                    Activity = StageActivity.Training,
                    Step = step,
                    Steps = 100,
                    At = time.GetUtcNow(),
                },
            },
        };

    private RunFacts Lost(params string[] silos) =>
        At(0) with
        {
            Roots = new Dictionary<StageId, StageRoot>
            {
                [Stage] = new() { EpochToken = 1, LostSilos = silos },
            },
        };
}
