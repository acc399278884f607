using Microsoft.Extensions.Time.Testing;
using Slowrun.Web.Reading;

namespace Slowrun.Web.Tests.Reading;

public sealed class SharedReadsTests
{
    private readonly FakeTimeProvider time = new();
    private readonly SharedReads<int> reads;
    private int count;

    public SharedReadsTests() => reads = new SharedReads<int>(time, TimeSpan.FromSeconds(1));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_OfManyAtOnce_ReadsOnce()
    {
        var answer = new TaskCompletionSource<int>();
        var asked = Enumerable.Range(0, 50).Select(_ => GetAsync(() => answer.Task)).ToList();
        answer.SetResult(7);

        Assert.All(await Task.WhenAll(asked), found => Assert.Equal(7, found));
        Assert.Equal(1, count);
    }

    [Fact]
    public async Task Get_AfterTheAnswerHasGrownOld_ReadsAgain()
    {
        await GetAsync(() => Task.FromResult(1));
        time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Equal(1, await GetAsync(() => Task.FromResult(2)));
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(2, await GetAsync(() => Task.FromResult(2)));
    }

    [Fact]
    public async Task Get_WhenReadingTakesLong_KeepsTheAnswerForLonger()
    {
        await GetAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return Task.FromResult(1);
        });
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(1, await GetAsync(() => Task.FromResult(2)));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, await GetAsync(() => Task.FromResult(2)));
    }

    [Fact]
    public async Task Get_WhenWhoAskedFirstGoesAway_StillAnswersTheOthers()
    {
        var answer = new TaskCompletionSource<int>();
        using var first = new CancellationTokenSource();
        var gone = reads.GetAsync("run", _ => answer.Task, first.Token);
        var stays = reads.GetAsync("run", _ => Task.FromResult(0), Stop);
        await first.CancelAsync();
        answer.SetResult(7);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.Equal(7, await stays);
    }

    [Fact]
    public async Task Get_AfterForget_ReadsAgain()
    {
        await GetAsync(() => Task.FromResult(1));
        reads.Forget("run");
        Assert.Equal(2, await GetAsync(() => Task.FromResult(2)));
    }

    private Task<int> GetAsync(Func<Task<int>> read) => reads.GetAsync("run", _ =>
    {
        Interlocked.Increment(ref count);
        return read();
    }, Stop);
}
