using Microsoft.Extensions.Time.Testing;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Tests;

public sealed class StepRateTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Now_FollowsTheLastSeconds_AndSteadyDoesNotJumpWithACheckpoint()
    {
        var (now, steady) = (StepRate.Now(time), StepRate.Steady(time));
        double? lastNow = null;
        double? lastSteady = null;
        void Step(double seconds)
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            (lastNow, lastSteady) = (now.Step(100), steady.Step(100));
        }

        for (var i = 0; i < 600; i++)
        {
            Step(0.1);
            // Warm-up is not what the rest will be like.
            Assert.Equal(i >= 100, lastSteady is not null);
        }

        Assert.Equal(1000, lastNow!.Value, 1e-3);
        Assert.Equal(1000, lastSteady!.Value, 1e-3);

        Step(4);
        Assert.InRange(lastNow.Value, 100, 500);
        Assert.InRange(lastSteady.Value, 900, 1000);
    }

    [Fact]
    public void Steady_ForgetsWhatIsMinutesAgo()
    {
        var steady = StepRate.Steady(time);
        double? last = null;
        for (var i = 0; i < 4000; i++)
        {
            time.Advance(TimeSpan.FromSeconds(i < 2000 ? 1 : 0.1));
            last = steady.Step(100);
        }

        Assert.Equal(1000, last!.Value, 1);
    }
}
