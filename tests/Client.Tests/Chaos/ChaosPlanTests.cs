using Slowrun.Client.Chaos;

namespace Slowrun.Client.Tests.Chaos;

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
            plan.Select(disturbance => disturbance.Phase).Distinct().Order(StringComparer.Ordinal));
        Assert.All(plan.CountBy(disturbance => disturbance.Mode), count => Assert.Equal(40, count.Value));
        Assert.All(plan, disturbance => Assert.InRange(disturbance.Count, 1, 3000));
        Assert.Equal(Enumerable.Range(1, 200), plan.Select(disturbance => disturbance.Number));
    }

    [Fact]
    public void Report_OfRecoveries_GivesTheirMedianAndTheLongest()
    {
        var report = new ChaosReport
        {
            Spec = "tiny", Seed = 1, Silos = 3, CalmRun = "a", DisturbedRun = "b", Identical = true, Differing = [], CalmSeconds = 10,
            DisturbedSeconds = 40, LostSteps = 3, Preemptions = 3, Wanted = 4, UnplannedExits = 0,
            Disturbances =
            [
                new CarriedOut(1, ChaosMode.Kill, "step", "chain0/stage0", 1, 3.5),
                new CarriedOut(2, ChaosMode.Freeze, "step", "chain0/stage0", 2, 9),
                new CarriedOut(3, ChaosMode.Kill, "idle", null, 3, null),
                new CarriedOut(4, ChaosMode.Kill, "commit", "chain0/stage1", 4, 2.5),
            ],
        };

        Assert.Equal(3.5, report.RecoveryP50Seconds);
        Assert.Equal(9, report.RecoveryMaxSeconds);
        Assert.Equal(0.25, report.Goodput);
        Assert.Equal(3, report.ByMode["kill"]);
        Assert.Equal(2, report.ByPhase["step"]);
    }
}
