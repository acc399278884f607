using Slowrun.Clustering.Membership;
using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>What must end before the process does is waited for, but not for ever.</summary>
public sealed class StopLimitTests
{
    [Fact]
    public async Task Wait_ForWhatHangs_EndsWhenTheTimeIsOver()
    {
        using var limit = new StopLimit(TimeSpan.FromSeconds(-3), lifetime: null);

        Assert.False(await limit.WaitAsync(new TaskCompletionSource().Task));
    }

    [Fact]
    public async Task Watch_BeginsWhenTheSiloIsToldToLeave_AndBlamesNoStageForAStoreThatHangs()
    {
        var exit = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var leaving = new CancellationTokenSource();
        using var limit = new StopLimit(TimeSpan.FromSeconds(-3), lifetime: null, exit.SetResult, leaving.Token);
        await limit.StartAsync(TestContext.Current.CancellationToken);
        Assert.False(exit.Task.IsCompleted);

        await leaving.CancelAsync();

        var code = await exit.Task.WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
        Assert.False(SiloEnd.Of(code, outOfMemory: false).IsCrash);
        Assert.NotEqual(0, code);
    }

    [Fact]
    public async Task Wait_ForWhatFails_SaysThatItHasEnded()
    {
        using var limit = new StopLimit(TimeSpan.FromMinutes(5), lifetime: null);

        Assert.True(await limit.WaitAsync(Task.FromException(new InvalidOperationException())));
    }
}
