using System.Net;
using Azure;
using Azure.Identity;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Slowrun.Storage.Blobs;

/// <summary>How often, and for how long, something is asked of Azure: the same for each of its services.</summary>
internal static class AzureTries
{
    /// <summary>An overall deadline around tries with jitter, and a circuit breaker, so that a service that is down is not hammered by
    /// every caller. What ends a single try is the caller's.</summary>
    public static ResiliencePipelineBuilder Builder(BlobStoreOptions options, TimeProvider time, Func<Exception?, bool> isTransient) =>
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

    /// <summary>Whether another try may succeed.</summary>
    public static bool IsTransient(Exception? e) =>
        e switch
        {
            null or StoreException => false,
            RequestFailedException r when IsTransient(r.Status) => true,
            RequestFailedException { ErrorCode: "ContainerBeingDeleted" or "ServerBusy" or "OperationTimedOut" } => true,
            // A checksum that did not fit: damaged on its way.
            RequestFailedException { ErrorCode: "Md5Mismatch" } => true,
            RequestFailedException or AuthenticationFailedException => false,
            TimeoutRejectedException or BrokenCircuitException or HttpRequestException or WebException => true,
            // Cut off in the middle of a body. InvalidDataException is no IOException.
            IOException => true,
            // The SDK's own time-out; the caller's cancellation never comes here, since it ends the pipeline.
            OperationCanceledException => true,
            AggregateException aggregate => aggregate.InnerExceptions.All(IsTransient),
            _ => false,
        };

    /// <param name="status">0: no answer at all. 408, 429 and all 5xx but 501, 505, 507: not now.</param>
    public static bool IsTransient(int status) => status is 0 or 408 or 429 or 500 or 502 or 503 or 504;

    /// <summary>
    /// The cause as a log may show it: the SDK's own exception prints the whole answer, and the service quotes parameters of the request in
    /// it, a signature among them.
    /// </summary>
    public static Exception Cause(Exception e) =>
        e is RequestFailedException { Status: > 0 } r ? new RequestFailedException(r.Status, Short(r), r.ErrorCode, null) : e;

    public static string Short(Exception e) =>
        e is RequestFailedException { Status: > 0 } r
            ? $"{r.Status} {r.ErrorCode}".TrimEnd()
            : Secrets.Redacted(FirstLine(e.Message)).TrimEnd('.');

    public static string FirstLine(string message) => message.Split('\n', 2)[0].Trim();
}
