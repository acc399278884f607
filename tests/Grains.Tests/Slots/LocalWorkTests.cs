using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Tests.Slots;

/// <summary>A silo that stops waits for all of its work, and for no work of which others wait for it.</summary>
public sealed class LocalWorkTests
{
    private readonly LocalWork local = new();
    private readonly TaskCompletionSource completion = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stop_WhileWorkIsBeingTaken_WaitsUntilItHasStopped()
    {
        var begun = local.TryBegin("work")!;
        var stop = local.StopAsync(StopReason.Eviction, deadline: null, Stop);
        Assert.False(stop.IsCompleted);

        StopReason? asked = null;
        local.Run(begun, (reason, _) => asked = reason, completion.Task);
        Assert.Equal(StopReason.Eviction, asked);
        Assert.False(stop.IsCompleted);

        completion.SetResult();
        await stop;
        Assert.False(local.Has("work"));
    }

    [Fact]
    public async Task Stop_WhileWorkIsBeingTaken_EndsWhereItIsNotTaken()
    {
        var begun = local.TryBegin("work")!;
        var stop = local.StopAsync(StopReason.Requested, deadline: null, Stop);

        begun.Dispose();

        await stop;
        Assert.Null(local.TryBegin("other"));
        Assert.Empty(local.Names);
    }

    [Fact]
    public void IsHeld_EndsWhenTheWorkIsLetGo_AndItIsHereUntilItHasStopped()
    {
        var letGo = new TaskCompletionSource();
        var begun = local.TryBegin("work")!;
        Assert.True(local.IsHeld("work"));
        local.Run(begun, (_, _) => { }, completion.Task, letGo: letGo.Task);
        Assert.True(local.IsHeld("work"));

        letGo.SetResult();

        Assert.False(local.IsHeld("work"));
        Assert.True(local.Has("work"));
        Assert.Null(local.TryBegin("work"));
    }
}
