using Slowrun.Clustering.Membership;
using Slowrun.Fleet.Chaos.Leftovers;

namespace Slowrun.Fleet.Tests.Chaos.Leftovers;

public sealed class ChaosMarkTests
{
    private static readonly ProcessIdentity Here = ProcessIdentity.Current;

    // A process of this machine is looked up, whatever its last sign says; of another one only the sign is known.
    [Theory]
    [InlineData(true, true, 100_000, true)]
    [InlineData(true, false, 0, false)]
    [InlineData(false, true, 59, true)]
    [InlineData(false, true, 60, false)]
    public void IsUnderWay_IsByTheProcessHereAndByTheSignElsewhere(bool here, bool lives, int silentSeconds, bool underWay)
    {
        var process = Here with { Machine = here ? Here.Machine : "another", StartTicks = lives ? Here.StartTicks : Here.StartTicks + 1 };

        Assert.Equal(underWay, new ChaosMark(process, "host", [], null).IsUnderWay(TimeSpan.FromSeconds(silentSeconds)));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(-3600, true)]
    [InlineData(9, true)]
    [InlineData(60, false)]
    public void IsOwn_IsARunThatWasSubmittedWhileTheChaosLived(int? secondsAfterItsLastSign, bool own) =>
        Assert.Equal(
            own,
            ChaosMark.IsOwn(secondsAfterItsLastSign is { } seconds ? Example.Start.AddSeconds(seconds) : null, Example.Start)
        );
}
