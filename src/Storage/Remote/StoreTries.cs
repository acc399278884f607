using System.Net;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Slowrun.Storage.Remote;

/// <summary>How often, and for how long, something is asked of a server far away, and what a network does to it.</summary>
internal static class StoreTries
{
    /// <summary>An overall deadline around tries with jitter, and a circuit breaker, so that a service that is down is not hammered by
    /// every caller. What ends a single try is the caller's.</summary>
    public static ResiliencePipelineBuilder Builder(RemoteStoreOptions options, TimeProvider time, Func<Exception?, bool> isTransient) =>
        new ResiliencePipelineBuilder { TimeProvider = time }
            .AddTimeout(new TimeoutStrategyOptions { Timeout = options.Deadline })
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args => ValueTask.FromResult(isTransient(args.Outcome.Exception)),
                    // The deadline ends it.
                    MaxRetryAttempts = int.MaxValue,
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                    Delay = options.FirstDelay,
                    MaxDelay = options.LongestDelay,
                    OnRetry = args =>
                    {
                        StoreMeter.Retries.Add(1);
                        return ValueTask.CompletedTask;
                    },
                }
            )
            .AddCircuitBreaker(
                new CircuitBreakerStrategyOptions
                {
                    ShouldHandle = args => ValueTask.FromResult(isTransient(args.Outcome.Exception)),
                    // Ten tries in half a minute, nearly all in vain: the store is down, not a connection.
                    FailureRatio = 0.9,
                    MinimumThroughput = 10,
                    SamplingDuration = TimeSpan.FromSeconds(30),
                    BreakDuration = TimeSpan.FromSeconds(2),
                }
            );

    /// <summary>Whether another try may succeed, by what a network does. What a service says is for the service's own rules, which go
    /// first.</summary>
    public static bool IsTransient(Exception? e) =>
        e switch
        {
            null or StoreException => false,
            TimeoutRejectedException or BrokenCircuitException or HttpRequestException or WebException => true,
            // Cut off in the middle of a body. InvalidDataException is no IOException.
            IOException => true,
            // A client's own time-out; the caller's cancellation never comes here, since it ends the pipeline.
            OperationCanceledException => true,
            _ => false,
        };

    /// <param name="status">0: no answer at all. 408, 429 and all 5xx but 501, 505, 507: not now.</param>
    public static bool IsTransient(int status) => status is 0 or 408 or 429 or 500 or 502 or 503 or 504;

    /// <summary>A failure as part of a sentence, without secrets.</summary>
    public static string Short(Exception e) => Secrets.Redacted(FirstLine(e.Message)).TrimEnd('.');

    public static string FirstLine(string message) => message.Split('\n', 2)[0].Trim();
}
