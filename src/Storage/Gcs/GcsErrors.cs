using System.Net;
using Google;
using Google.Apis.Auth.OAuth2.Responses;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Gcs;

/// <summary>What the answers of Google Cloud Storage mean. Source: its reference (JSON API: status and error codes, retry
/// strategy).</summary>
internal static class GcsErrors
{
    /// <summary>There is no such bucket. The code of it is the one of an object that is missing; the sentence is not.</summary>
    public static bool IsMissingBucket(this GoogleApiException e) =>
        e.HttpStatusCode is HttpStatusCode.NotFound && e.Said().Contains("bucket does not exist", StringComparison.OrdinalIgnoreCase);

    /// <summary>There is no such object, or not of that generation.</summary>
    public static bool IsMissing(this GoogleApiException e) => e.HttpStatusCode is HttpStatusCode.NotFound && !e.IsMissingBucket();

    /// <summary>ifGenerationMatch found another generation.</summary>
    public static bool IsConditionNotMet(this GoogleApiException e) => e.HttpStatusCode is HttpStatusCode.PreconditionFailed;

    /// <summary>Whether another try may succeed.</summary>
    public static bool IsTransient(Exception? e) =>
        e switch
        {
            // An answer that was cut off, and so could not be read, has no status.
            GoogleApiException api => StoreTries.IsTransient((int)api.HttpStatusCode) || api.IsDamaged(),
            TokenResponseException token => token.StatusCode is { } status && StoreTries.IsTransient((int)status),
            _ => StoreTries.IsTransient(e),
        };

    public static string Short(Exception e) =>
        e is GoogleApiException { HttpStatusCode: > 0 } api
            ? $"{(int)api.HttpStatusCode} {StoreTries.FirstLine(api.Said())}".TrimEnd(' ', '.')
            : StoreTries.Short(e);

    // A checksum that did not fit.
    private static bool IsDamaged(this GoogleApiException e) =>
        e.HttpStatusCode is HttpStatusCode.BadRequest && e.Said().Contains("doesn't match calculated", StringComparison.OrdinalIgnoreCase);

    // Reads of contents have it as plain text, everything else as JSON.
    private static string Said(this GoogleApiException e) => e.Error?.Message ?? e.Error?.ErrorResponseContent ?? "";
}
