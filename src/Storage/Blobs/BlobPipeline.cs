using Azure;
using Azure.Identity;
using Polly.Timeout;
using Slowrun.Storage.Remote;
using static Slowrun.Storage.Blobs.AzureTries;

namespace Slowrun.Storage.Blobs;

/// <summary>The only retrier between Slowrun and Azure. An error that waiting does not cure fails at once, with advice.</summary>
internal sealed class BlobPipeline(BlobAddress address, RemoteStoreOptions options, TimeProvider time)
    : StorePipeline(options, time, IsTransient)
{
    protected override Exception Explained(string what, Exception e, Exception last) =>
        last switch
        {
            RequestFailedException { Status: 401 or 403 } r => new StoreException(
                StoreProblem.Denied,
                $"The store '{address}' refuses to {what}: {Short(r)}. The identity in use needs the role Storage Blob "
                    + "Data Contributor on the container; "
                    + "sign in with 'az login', give the machine a managed identity, or set "
                    + $"{AzureAccount.ConnectionStringVariable}. A clock that is wrong by "
                    + "more than 15 minutes is refused too.",
                Cause(r)
            ),
            AuthenticationFailedException a => new StoreException(
                StoreProblem.Denied,
                $"There is no credential to open the store '{address}' with: {StoreTries.FirstLine(a.Message)} Sign in "
                    + "with 'az login', give the machine a managed identity, "
                    + $"or set {AzureAccount.ConnectionStringVariable}.",
                a
            ),
            RequestFailedException { ErrorCode: "ContainerNotFound" } r => new StoreException(
                StoreProblem.Missing,
                $"There is no store at '{address}': the account has no such container. Check --store, or start a run "
                    + "there: that creates it.",
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
                $"The store '{address}' did not {what} within {Deadline.TotalSeconds:0} s: {Short(last)}. {address.Unreachable}",
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
