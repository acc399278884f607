using Microsoft.Extensions.Time.Testing;
using Slowrun.Reading.Runs;

namespace Slowrun.Reading.Tests.Runs;

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
        time.Advance(TimeSpan.FromSeconds(44));
        Assert.Equal(1, await GetAsync(() => Task.FromResult(2)));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, await GetAsync(() => Task.FromResult(2)));
    }

    [Fact]
    public async Task Get_AfterASlowFailure_ReadsAgainWithinASecond()
    {
        await Assert.ThrowsAsync<IOException>(() =>
            GetAsync(() =>
            {
                time.Advance(TimeSpan.FromSeconds(29));
                throw new IOException("The store does not answer.");
            })
        );
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(2, await GetAsync(() => Task.FromResult(2)));
    }

    [Fact]
    public async Task Get_WhenAReadTakesAMinute_GivesItsAnswerToWhoAsksAgain()
    {
        var answer = new TaskCompletionSource<int>();
        var first = GetAsync(() => answer.Task);
        await Until.HoldsAsync(() => count == 1);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Contains("still being read", (await Assert.ThrowsAsync<TimeoutException>(() => first)).Message, StringComparison.Ordinal);

        var second = GetAsync(() => Task.FromResult(0));
        time.Advance(TimeSpan.FromSeconds(29));
        answer.SetResult(7);

        Assert.Equal((7, 1), (await second, count));
    }

    [Fact]
    public async Task Get_WhenAReadTakesLongAfterAQuickOne_GivesTheAnswerFromBefore()
    {
        await GetAsync(() => Task.FromResult(1));
        time.Advance(TimeSpan.FromSeconds(2));
        var answer = new TaskCompletionSource<int>();
        var waits = GetAsync(() => answer.Task);
        await Until.HoldsAsync(() => count == 2);
        time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(1, await waits);
        answer.SetResult(2);
        Assert.Equal(2, await GetAsync(() => Task.FromResult(3)));
    }

    [Fact]
    public async Task Get_WhenAReadHangs_IsATimeOutAndNoOtherError()
    {
        var waits = reads.GetAsync(
            "run",
            async token =>
            {
                Interlocked.Increment(ref count);
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
                return 0;
            },
            Stop
        );
        await Until.HoldsAsync(() => count == 1);
        time.Advance(TimeSpan.FromMinutes(5));

        await Assert.ThrowsAsync<TimeoutException>(() => waits);
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

    private Task<int> GetAsync(Func<Task<int>> read) =>
        reads.GetAsync(
            "run",
            _ =>
            {
                Interlocked.Increment(ref count);
                return read();
            },
            Stop
        );
}
