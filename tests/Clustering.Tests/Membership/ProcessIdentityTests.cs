using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void Current_OfThisProcess_RunsHere()
    {
        Assert.True(ProcessIdentity.Current.IsOfThisMachine);
        Assert.Equal(Environment.ProcessId, ProcessIdentity.Current.ProcessId);
        Assert.True(ProcessIdentity.Current.StartTicks > 0);
        Assert.False(ProcessIdentity.Current.IsGone());
        Assert.False(ProcessIdentity.Current.IsHalted());
    }

    [Fact]
    public void IsGone_OfAKilledProcess_IsTrue()
    {
        using var child = new ChildProcess();
        var identity = child.Identity;
        Assert.False(identity.IsGone());

        child.Kill();

        Assert.True(identity.IsGone());
    }

    [Fact]
    public void IsGone_WhenALaterProcessHasTheId_IsTrue() =>
        Assert.True((ProcessIdentity.Current with { StartTicks = ProcessIdentity.Current.StartTicks - 1 }).IsGone());

    [Fact]
    public void IsGone_OfAnotherMachinesProcess_IsNotClaimed()
    {
        var foreign = new ProcessIdentity("elsewhere", int.MaxValue, 1);

        Assert.False(foreign.IsGone());
        Assert.False((ProcessIdentity.Current with { Machine = "elsewhere" }).IsHalted());
    }

    [Fact]
    public void IsHalted_OfAStoppedProcess_IsTrueAndItIsNotGone()
    {
        using var child = new ChildProcess();
        Assert.False(child.Identity.IsHalted());

        child.Halt();

        Assert.True(child.Identity.IsHalted());
        Assert.False(child.Identity.IsGone());
        Assert.False((child.Identity with { StartTicks = 1 }).IsHalted());
    }

    [Fact]
    public void Machine_InTheStore_TellsNothingOfTheMachine() => Assert.Matches("^[0-9a-f]{32}$", ProcessIdentity.Current.Machine);
}
