using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Stages;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Grains.Tests;

/// <summary>When a trainer counts as hung.</summary>
public sealed class StageViewTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Hung_WhenStepsCome_IsNever()
    {
        var view = View();
        for (var i = 0; i < 10; i++)
        {
            time.Advance(TimeSpan.FromMinutes(14));
            Assert.Null(view.Hung);
            view.Stepped(TimeSpan.FromSeconds(1));
        }
    }

    [Fact]
    public void Hung_WhenNoStepComesForTooLong_TellsForHowLong()
    {
        var view = View();
        view.Stepped(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromMinutes(16));

        Assert.Equal(TimeSpan.FromMinutes(16), view.Hung);
    }

    [Fact]
    public void Hung_WhereStepsAreLong_WaitsLonger()
    {
        var view = View();
        view.Stepped(TimeSpan.FromMinutes(5));
        time.Advance(TimeSpan.FromMinutes(49));
        Assert.Null(view.Hung);

        time.Advance(TimeSpan.FromMinutes(2));
        Assert.NotNull(view.Hung);
    }

    [Fact]
    public void Hung_BeforeTheFirstStep_CountsFromTheRestoreOn()
    {
        var view = View(StageActivity.Restoring);
        time.Advance(TimeSpan.FromMinutes(16));

        Assert.NotNull(view.Hung);
    }

    [Theory]
    [InlineData(Account.Restore)]
    [InlineData(Account.Stall)]
    [InlineData(null)]
    public void Hung_WhileItWaitsForTheStore_IsNever(Account? now)
    {
        var view = View();
        view.Turned(now);
        time.Advance(TimeSpan.FromHours(5));

        Assert.Null(view.Hung);
    }

    [Fact]
    public void Hung_WhileWeightsAreChosen_IsNever()
    {
        var view = View(StageActivity.Finishing);
        time.Advance(TimeSpan.FromHours(5));

        Assert.Null(view.Hung);
    }

    private StageView View(StageActivity activity = StageActivity.Training)
    {
        var view = new StageView(
            () =>
                new StageProgress
                {
                    Stage = "chain0/stage0",
                    EpochToken = 1,
                    Activity = activity,
                    Step = 1,
                    Steps = 9,
                    At = default,
                },
            durableStep: () => 0,
            pace: () => null,
            default,
            time
        );
        view.Turned(Account.Training);
        return view;
    }
}
