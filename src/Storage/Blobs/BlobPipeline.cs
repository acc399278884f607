using Azure;
using Azure.Identity;
using Polly;
using Polly.Timeout;
using static Slowrun.Storage.Blobs.AzureTries;

namespace Slowrun.Storage.Blobs;

/// <summary>
/// The only retrier between Slowrun and Azure: an overall deadline around tries with jitter, a circuit breaker so that a store that is down
/// is not hammered by every caller, and a deadline for each try. An error that waiting does not cure fails at once, with advice.
/// </summary>
internal sealed class BlobPipeline
{
    private readonly BlobAddress address;
    private readonly BlobStoreOptions options;
    private readonly ResiliencePipeline pipeline;

    public BlobPipeline(BlobAddress address, BlobStoreOptions options, TimeProvider time)
    {
        (this.address, this.options) = (address, options);
        var builder = AzureTries.Builder(options, time);
        builder.AddTimeout(new TimeoutStrategyOptions { Timeout = options.EachTry });
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
}
