using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Web.Pages;

namespace Slowrun.Web.Tests.Pages;

public sealed class PossibleOrdersTests
{
    [Theory]
    [InlineData(RunState.Pending, DesiredState.Running, "Paused Cancelled")]
    [InlineData(RunState.Running, DesiredState.Running, "Paused Cancelled")]
    [InlineData(RunState.Running, DesiredState.Paused, "Running Cancelled")]
    [InlineData(RunState.Paused, DesiredState.Paused, "Running Cancelled")]
    [InlineData(RunState.Paused, DesiredState.Running, "Cancelled")]
    [InlineData(RunState.Cancelled, DesiredState.Cancelled, "Running")]
    [InlineData(RunState.Cancelled, DesiredState.Running, "")]
    [InlineData(RunState.Failed, DesiredState.Running, "")]
    [InlineData(RunState.Succeeded, DesiredState.Running, "")]
    public void Orders_OfARun_AreThoseThatWouldChangeIt(RunState state, DesiredState intent, string orders) =>
        Assert.Equal(orders, string.Join(' ', PossibleOrders.Of(state, intent)));
}
