using Polly;
using Polly.Timeout;

namespace Slowrun.Storage.Remote;

/// <summary>
/// The only retrier between Slowrun and a store far away: an overall deadline around tries with jitter, a circuit breaker so that a store
/// that is down is not hammered by every caller, and a deadline for each try.
/// </summary>
internal abstract class StorePipeline
{
    private readonly ResiliencePipeline pipeline;

    protected StorePipeline(RemoteStoreOptions options, TimeProvider time, Func<Exception?, bool> isTransient)
    {
        Deadline = options.Deadline;
        var builder = StoreTries.Builder(options, time, isTransient);
        builder.AddTimeout(new TimeoutStrategyOptions { Timeout = options.EachTry });
        options.AroundEachTry?.Invoke(builder);
        pipeline = builder.Build();
    }

    /// <summary>When an operation is given up.</summary>
    protected TimeSpan Deadline { get; }

    /// <param name="what">What is tried, for the message when it fails.</param>
    /// <exception cref="StoreException">It cannot succeed, or did not within the deadline.</exception>
    public async Task<T> RunAsync<T>(string what, Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        Exception? last = null;
        try
        {
            return await pipeline
                .ExecuteAsync(
                    async token =>
                    {
                        try
                        {
                            StoreMeter.Operations.Add(1);
                            return await operation(token).ConfigureAwait(false);
                        }
                        catch (Exception e)
                        {
                            last = e;
                            throw;
                        }
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is not StoreException)
        {
            throw Explained(what, e, last ?? e);
        }
    }

    /// <summary>What a user is told of it.</summary>
    /// <param name="e">What ended the tries.</param>
    /// <param name="last">How the last try failed.</param>
    protected abstract Exception Explained(string what, Exception e, Exception last);
}
