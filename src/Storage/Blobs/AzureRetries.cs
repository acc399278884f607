using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>
/// In the place of the SDK's own retries, for a client whose operations a library calls: the same tries that a blob store has around its
/// operations. (<c>ClientOptions.RetryPolicy</c>; the SDK's network time-out ends a single try.)
/// </summary>
/// <param name="what">Which service of which account, as it is called in a sentence.</param>
/// <param name="role">Without which it refuses.</param>
public sealed class AzureRetries(string what, string role, RemoteStoreOptions options, TimeProvider? time = null) : HttpPipelinePolicy
{
    private readonly ResiliencePipeline tries = StoreTries.Builder(options, time ?? TimeProvider.System, AzureTries.IsTransient).Build();

    /// <exception cref="StoreException">It refuses, or gave no answer within the deadline.</exception>
    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        ArgumentNullException.ThrowIfNull(message);
        Exception? last = null;
        message.NetworkTimeout = options.EachTry;
        try
        {
            await tries
                .ExecuteAsync(
                    async _ =>
                    {
                        try
                        {
                            StoreMeter.Operations.Add(1);
                            if (message.HasResponse)
                            {
                                // Of the try before.
                                message.Response.Dispose();
                            }

                            await ProcessNextAsync(message, pipeline).ConfigureAwait(false);
                            if (StoreTries.IsTransient(message.Response.Status))
                            {
                                throw new RequestFailedException(message.Response);
                            }
                        }
                        catch (Exception e)
                        {
                            last = e;
                            throw;
                        }
                    },
                    message.CancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception e)
            when (!message.CancellationToken.IsCancellationRequested
                && (AzureTries.IsTransient(e) || e is TimeoutRejectedException or BrokenCircuitException)
            )
        {
            var cause = last ?? e;
            throw new StoreException(
                StoreProblem.Unreachable,
                $"{what} did not answer within {options.Deadline.TotalSeconds:0} s: {AzureTries.Short(cause)}. Is the "
                    + "network up, and the account's name right?",
                AzureTries.Cause(cause)
            );
        }

        if (message.Response.Status is 401 or 403)
        {
            var refused = new RequestFailedException(message.Response);
            throw new StoreException(
                StoreProblem.Denied,
                $"{what} refuses: {AzureTries.Short(refused)}. The identity in use needs the role {role} on the "
                    + "account; sign in with 'az login', give the machine a managed identity, "
                    + $"or set {AzureAccount.ConnectionStringVariable}. A clock that is wrong by more than 15 minutes is refused too.",
                AzureTries.Cause(refused)
            );
        }
    }

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
        throw new NotSupportedException("Azure is asked asynchronously only.");
}
