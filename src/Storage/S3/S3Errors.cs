using System.Net;
using Amazon.Runtime;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>What the answers of an S3 server mean. Source: the API reference of S3 (PutObject, CompleteMultipartUpload, DeleteObject, error
/// responses).</summary>
internal static class S3Errors
{
    /// <summary>There is no such object. (A HEAD has no body, hence no code, and cannot tell this from a missing bucket.)</summary>
    public static bool IsMissing(this AmazonServiceException e) =>
        e.StatusCode is HttpStatusCode.NotFound && e.ErrorCode is not ("NoSuchBucket" or "NoSuchUpload");

    /// <summary>If-None-Match found an object, or If-Match another one. By its code alone where S3 had begun its answer before it
    /// knew: CompleteMultipartUpload.</summary>
    public static bool IsConditionNotMet(this AmazonServiceException e) =>
        e.StatusCode is HttpStatusCode.PreconditionFailed || e.ErrorCode is "PreconditionFailed";

    /// <summary>Another request for the same object was under way: neither carried out nor refused. To be asked again.</summary>
    public static bool IsConflict(this AmazonServiceException e) => e.ErrorCode is "ConditionalRequestConflict" or "OperationAborted";

    /// <summary>Whether another try may succeed.</summary>
    public static bool IsTransient(Exception? e) =>
        e switch
        {
            null or StoreException => false,
            // Cut off in the middle of an answer.
            AmazonUnmarshallingException => true,
            AmazonServiceException service when service.IsConflict() => true,
            AmazonServiceException
            {
                ErrorCode: "SlowDown"
                    or "RequestTimeout"
                    or "InternalError"
                    or "ServiceUnavailable"
                    or "XAmzContentSHA256Mismatch"
                    or "BadDigest"
                    or "IncompleteBody"
            } => true,
            AmazonServiceException { StatusCode: 0 } service => service.InnerException is null || IsTransient(service.InnerException),
            AmazonServiceException service => StoreTries.IsTransient((int)service.StatusCode),
            AmazonClientException client => client.InnerException is not null && IsTransient(client.InnerException),
            _ => StoreTries.IsTransient(e),
        };

    public static string Short(Exception e) =>
        e is AmazonServiceException { StatusCode: > 0 } service
            ? $"{(int)service.StatusCode} {service.ErrorCode}".TrimEnd()
            : StoreTries.Short(e);
}
