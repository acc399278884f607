using Slowrun.Clustering.Security;

namespace Slowrun.Clustering.Tests.Security;

public sealed class WaitingRoomTests
{
    [Fact]
    public void Enter_WhenItIsFull_SendsAwayTheOneThatHasWaitedLongest()
    {
        var room = new WaitingRoom(most: 2);
        var away = new List<string>();
        using var first = room.Enter(() => away.Add("first"));
        var passed = room.Enter(() => away.Add("passed"));
        passed.Dispose();
        using var second = room.Enter(() => away.Add("second"));
        Assert.Empty(away);

        using var third = room.Enter(() => away.Add("third"));
        Assert.Equal(["first"], away);
        first.Dispose();
        passed.Dispose();

        using var fourth = room.Enter(() => away.Add("fourth"));
        Assert.Equal(["first", "second"], away);
    }
}
