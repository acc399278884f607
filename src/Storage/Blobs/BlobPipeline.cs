using System.Net;
using Azure;
using Azure.Identity;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Slowrun.Storage.Blobs;

/// <summary> The only retrier between Slowrun and Azure: an overall deadline around tries with jitter, a circuit breaker so that a store
/// that is down is not hammered by every caller, and a deadline for each try. An error that waiting does not cure fails at once, with
/// advice.
/// </summary>
internal sealed class BlobPipeline
{
    private readonly BlobAddress address;
    private readonly BlobStoreOptions options;
    private readonly ResiliencePipeline pipeline;

    public BlobPipeline(BlobAddress address, BlobStoreOptions options, TimeProvider time)
    {
        (this.address, this.options) = (address, options);
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        builder
            .AddTimeout(new TimeoutStrategyOptions { Timeout = options.Deadline })
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args => ValueTask.FromResult(IsTransient(args.Outcome.Exception)),
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
                    ShouldHandle = args => ValueTask.FromResult(IsTransient(args.Outcome.Exception)),
                    // Ten tries in half a minute, nearly all in vain: the store is down, not a connection.
                    FailureRatio = 0.9,
                    MinimumThroughput = 10,
                    SamplingDuration = TimeSpan.FromSeconds(30),
                    BreakDuration = TimeSpan.FromSeconds(2),
                }
            )
            .AddTimeout(new TimeoutStrategyOptions { Timeout = options.EachTry });
        options.AroundEachTry?.Invoke(builder);
        pipeline = builder.Build();
    }

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

    /// <summary>Whether another try may succeed.</summary>
    internal static bool IsTransient(Exception? e) =>
        e switch
        {
            null or StoreException => false,
            // 0: no answer at all. 408, 429 and all 5xx but 501, 505, 507: not now.
            RequestFailedException { Status: 0 or 408 or 429 or 500 or 502 or 503 or 504 } => true,
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

    private Exception Explained(string what, Exception e, Exception last) =>
        last switch
        {
            RequestFailedException { Status: 401 or 403 } r => new StoreException(
                StoreProblem.Denied,
                $"The store '{address}' refuses to {what}: {Short(r)}. The identity in use needs the role Storage Blob Data Contributor on the container; "
                    + $"sign in with 'az login', give the machine a managed identity, or set {AzureAccount.ConnectionStringVariable}. A clock that is wrong by "
                    + "more than 15 minutes is refused too.",
                Cause(r)
            ),
            AuthenticationFailedException a => new StoreException(
                StoreProblem.Denied,
                $"There is no credential to open the store '{address}' with: {FirstLine(a.Message)} Sign in with 'az login', give the machine a managed identity, "
                    + $"or set {AzureAccount.ConnectionStringVariable}.",
                a
            ),
            RequestFailedException { ErrorCode: "ContainerNotFound" } r => new StoreException(
                StoreProblem.Missing,
                $"There is no store at '{address}': the account has no such container. Check --store, or start a run there: that creates it.",
                Cause(r)
            ),
            RequestFailedException r when r.Status == 507 || r.ErrorCode?.Contains("Quota", StringComparison.OrdinalIgnoreCase) == true =>
                new StoreException(
                    StoreProblem.Full,
                    $"The account of the store '{address}' has no room left to {what}: {Short(r)}. Nothing committed is lost.",
                    Cause(r)
                ),
            _ when IsTransient(e) || e is TimeoutRejectedException => new StoreException(
                StoreProblem.Unreachable,
                $"The store '{address}' did not {what} within {options.Deadline.TotalSeconds:0} s: {Short(last)}. {address.Unreachable}",
                Cause(last)
            ),
            RequestFailedException r => new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{address}' could not {what}: {Short(r)}.",
                Cause(r)
            ),
            _ => e,
        };

    /// <summary> The cause as a log may show it: the SDK's own exception prints the whole answer, and the service quotes parameters of the
    /// request in it, a signature among them.
    /// </summary>
    private static Exception Cause(Exception e) =>
        e is RequestFailedException { Status: > 0 } r ? new RequestFailedException(r.Status, Short(r), r.ErrorCode, null) : e;

    private static string Short(Exception e) =>
        e is RequestFailedException { Status: > 0 } r ? $"{r.Status} {r.ErrorCode}" : Secrets.Redacted(FirstLine(e.Message)).TrimEnd('.');

    private static string FirstLine(string message) => message.Split('\n', 2)[0].Trim();
}
