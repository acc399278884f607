using System.Net;
using Amazon.Runtime;
using Polly.Timeout;
using Slowrun.Storage.Remote;
using static Slowrun.Storage.S3.S3Errors;

namespace Slowrun.Storage.S3;

/// <summary>The only retrier between Slowrun and an S3 server. An error that waiting does not cure fails at once, with advice.</summary>
internal sealed class S3Pipeline(S3Address address, RemoteStoreOptions options, TimeProvider time)
    : StorePipeline(options, time, IsTransient)
{
    protected override Exception Explained(string what, Exception e, Exception last) =>
        last switch
        {
            AmazonServiceException { ErrorCode: "NoSuchBucket" } s => new StoreException(
                StoreProblem.Missing,
                $"There is no store at '{address}': there is no such bucket. Check --store, or start a run there: that creates it.",
                s
            ),
            AmazonServiceException { StatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } s => new StoreException(
                StoreProblem.Denied,
                $"The store '{address}' refuses to {what}: {Short(s)}. The identity in use needs s3:GetObject, "
                    + "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the objects and "
                    + "s3:ListBucket on the bucket; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
                    + "give the machine a role. A clock that is wrong by more than "
                    + "15 minutes is refused too.",
                s
            ),
            AmazonServiceException
            {
                ErrorCode: "PermanentRedirect"
                    or "TemporaryRedirect"
                    or "AuthorizationHeaderMalformed"
                    or "IllegalLocationConstraintException"
            } s => new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{address}' could not {what}: {Short(s)}. The bucket is of another region; name it by "
                    + "?region=REGION, or AWS_REGION.",
                s
            ),
            AmazonServiceException s
                when (int)s.StatusCode == 507 || s.ErrorCode?.Contains("Quota", StringComparison.OrdinalIgnoreCase) == true =>
                new StoreException(
                    StoreProblem.Full,
                    $"The server of the store '{address}' has no room left to {what}: {Short(s)}. Nothing committed is lost.",
                    s
                ),
            _ when IsTransient(e) || e is TimeoutRejectedException => new StoreException(
                StoreProblem.Unreachable,
                $"The store '{address}' did not {what} within {Deadline.TotalSeconds:0} s: {Short(last)}. {address.Unreachable}",
                last
            ),
            AmazonServiceException s => new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{address}' could not {what}: {Short(s)}.",
                s
            ),
            AmazonClientException c => new StoreException(
                StoreProblem.Denied,
                $"There is no credential to open the store '{address}' with: "
                    + $"{StoreTries.FirstLine(c.Message).Split(". ", 2)[0].TrimEnd('.')}. "
                    + "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, "
                    + "or give the machine a role.",
                c
            ),
            _ => e,
        };
}
