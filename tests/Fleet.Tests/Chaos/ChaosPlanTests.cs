using Slowrun.Fleet.Chaos;
using Slowrun.Fleet.Chaos.Plans;

namespace Slowrun.Fleet.Tests.Chaos;

public sealed class ChaosPlanTests
{
    [Fact]
    public void Of_TheSameSeed_IsTheSamePlanAndOfAnotherAnother()
    {
        var plan = ChaosPlan.Of(7, 50, [ChaosMode.Kill, ChaosMode.Term]);

        Assert.Equal(plan, ChaosPlan.Of(7, 50, [ChaosMode.Kill, ChaosMode.Term]));
        Assert.NotEqual(plan, ChaosPlan.Of(8, 50, [ChaosMode.Kill, ChaosMode.Term]));
        Assert.Equal(plan.Take(10), ChaosPlan.Of(7, 10, [ChaosMode.Kill, ChaosMode.Term]));
    }

    [Fact]
    public void Of_Many_HasEveryPhaseAndEachModeAsOften()
    {
        var plan = ChaosPlan.Of(3, 200, Enum.GetValues<ChaosMode>());

        Assert.Equal(
            ["checkpoint", "commit", "hand-over", "restore", "scoring", "start-up", "step", "take"],
            plan.Select(disturbance => disturbance.Phase).Distinct().Order(StringComparer.Ordinal)
        );
        Assert.All(plan.CountBy(disturbance => disturbance.Mode), count => Assert.Equal(25, count.Value));
        var notices = plan.Where(disturbance => disturbance.Mode == ChaosMode.Notice).ToList();
        Assert.Equal([0, 3, 5, 10], notices.Select(disturbance => disturbance.NoticeSeconds).Distinct().Order());
        Assert.All(plan.Except(notices), disturbance => Assert.Equal(0, disturbance.NoticeSeconds));
        Assert.All(plan, disturbance => Assert.InRange(disturbance.Count, 1, 3000));
        Assert.Equal(Enumerable.Range(1, 200), plan.Select(disturbance => disturbance.Number));
    }

    [Fact]
    public void Every_Minute_ComesOnceAMinuteOnAverageAtNoMomentOfTheWork()
    {
        var plan = ChaosPlan.Every(TimeSpan.FromMinutes(1), 5, 500, [ChaosMode.Kill]);

        Assert.Equal(plan, ChaosPlan.Every(TimeSpan.FromMinutes(1), 5, 500, [ChaosMode.Kill]));
        Assert.InRange(plan[^1].AtSeconds!.Value / plan.Count, 54, 66);
        Assert.Equal(plan.Select(one => one.AtSeconds), plan.Select(one => one.AtSeconds).Order());
        // As many short gaps as a Poisson process has: one in five is under 13.4 s.
        Assert.InRange(plan.Zip(plan.Skip(1), (one, next) => next.AtSeconds - one.AtSeconds).Count(gap => gap < 13.4), 80, 120);
        Assert.All(plan, one => Assert.Null(one.Point));
        Assert.All(plan.CountBy(one => one.Victim % 3), count => Assert.InRange(count.Value, 120, 215));
    }

    [Fact]
    public void Report_OfRecoveries_GivesTheirMedianAndTheLongest()
    {
        var report = new ChaosReport
        {
            Spec = "tiny",
            Seed = 1,
            Silos = 3,
            CalmRun = "a",
            DisturbedRun = "b",
            Identical = true,
            Differing = [],
            CalmSeconds = 10,
            DisturbedSeconds = 40,
            LostSteps = 3,
            Preemptions = 3,
            Wanted = 4,
            UnplannedExits = 0,
            Disturbances =
            [
                new CarriedOut(1, ChaosMode.Kill, "step", "chain0/stage0", 1, 3.5) { LostSteps = 3, Released = false },
                new CarriedOut(2, ChaosMode.Freeze, "step", "chain0/stage0", 2, 9) { LostSteps = 4, Released = false },
                new CarriedOut(3, ChaosMode.Kill, "idle", null, 3, null),
                new CarriedOut(4, ChaosMode.Kill, "commit", "chain0/stage1", 4, 2.5) { LostSteps = 1, Released = false },
                new CarriedOut(5, ChaosMode.Notice, "step", "chain0/stage1", 5, 2)
                {
                    LostSteps = 0,
                    Released = true,
                    NoticeSeconds = 10,
                    Acknowledged = true,
                },
                new CarriedOut(6, ChaosMode.Notice, "step", "chain0/stage1", 6, 4)
                {
                    LostSteps = 6,
                    Released = true,
                    NoticeSeconds = 0,
                    Acknowledged = false,
                },
                new CarriedOut(7, ChaosMode.Notice, "idle", null, 7, null) { NoticeSeconds = 5, Acknowledged = true },
            ],
        };

        Assert.Equal(3.5, report.RecoveryP50Seconds);
        Assert.Equal(9, report.RecoveryMaxSeconds);
        Assert.Equal(0.25, report.Goodput);
        Assert.Equal(3, report.ByMode["kill"]);
        Assert.Equal(new ModeReport(3, 2, 2.5, 3.5, 4), report.Modes["kill"]);
        Assert.Equal(new ModeReport(3, 2, 2, 4, 6), report.Modes["notice"]);
        Assert.Equal(
            new NoticeReport(Announced: 3, ToOwners: 2, LostNothing: 1, Released: 2, Acknowledged: 2, MostLostSteps: 6),
            report.Notices
        );
        Assert.Equal(4, report.ByPhase["step"]);
    }
}
