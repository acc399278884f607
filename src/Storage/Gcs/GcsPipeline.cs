using System.Net;
using Google;
using Google.Apis.Auth.OAuth2.Responses;
using Polly.Timeout;
using Slowrun.Storage.Remote;
using static Slowrun.Storage.Gcs.GcsErrors;

namespace Slowrun.Storage.Gcs;

/// <summary>The only retrier between Slowrun and Google Cloud Storage. An error that waiting does not cure fails at once, with
/// advice.</summary>
/// <param name="emulator">The server that the store was opened at; null: Google's.</param>
internal sealed class GcsPipeline(GcsAddress address, Uri? emulator, RemoteStoreOptions options, TimeProvider time)
    : StorePipeline(options, time, IsTransient)
{
    /// <summary>Where credentials come from.</summary>
    public const string Advice =
        "Sign in with 'gcloud auth application-default login', give the machine a service account with the "
        + "scope cloud-platform, or name a key file by GOOGLE_APPLICATION_CREDENTIALS.";

    protected override Exception Explained(string what, Exception e, Exception last) =>
        last switch
        {
            GoogleApiException api when api.IsMissingBucket() => new StoreException(
                StoreProblem.Missing,
                $"There is no store at '{address}': there is no such bucket. Check --store, or make it, in the region "
                    + $"of the machines: gcloud storage buckets create gs://{address.Bucket} "
                    + "--location=REGION --uniform-bucket-level-access.",
                api
            ),
            GoogleApiException { HttpStatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } api => new StoreException(
                StoreProblem.Denied,
                $"The store '{address}' refuses to {what}: {Short(api)}. The account in use needs the role Storage "
                    + "Object User (roles/storage.objectUser: storage.objects.get, create, "
                    + $"delete and list) on the bucket. {Advice}",
                api
            ),
            TokenResponseException token when !IsTransient(token) => new StoreException(
                StoreProblem.Denied,
                $"There is no credential to open the store '{address}' with: {StoreTries.Short(token)}. {Advice}",
                token
            ),
            _ when IsTransient(e) || e is TimeoutRejectedException => new StoreException(
                StoreProblem.Unreachable,
                $"The store '{address}' did not {what} within {Deadline.TotalSeconds:0} s: {Short(last)}. "
                    + (
                        emulator is not null
                            ? $"Is the server at {emulator} running ({GcsClients.EmulatorVariable})?"
                            : "Is the network up?"
                    ),
                last
            ),
            GoogleApiException api => new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{address}' could not {what}: {Short(api)}.",
                api
            ),
            _ => e,
        };
}
