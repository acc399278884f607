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
    public async Task Wait_ForWhatFails_SaysThatItHasEnded()
    {
        using var limit = new StopLimit(TimeSpan.FromMinutes(5), lifetime: null);

        Assert.True(await limit.WaitAsync(Task.FromException(new InvalidOperationException())));
    }
}
