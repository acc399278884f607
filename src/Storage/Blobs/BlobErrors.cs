using Azure;
using Azure.Storage.Blobs.Models;

namespace Slowrun.Storage.Blobs;

/// <summary>Answers of Azure that are results and not failures. Facts: Azurite 3.37, and the service's reference.</summary>
internal static class BlobErrors
{
    /// <summary>There is no such blob, while there is such a container.</summary>
    public static bool IsMissingBlob(this RequestFailedException e) => e is { Status: 404, ErrorCode: "BlobNotFound" };

    /// <summary>The answer to a request about one blob; null (false) where there is no such blob, or no longer that one.</summary>
    /// <param name="conditions">Of the request; null: none.</param>
    public static async Task<T?> UnlessGoneAsync<T>(Func<Task<T>> ask, BlobRequestConditions? conditions = null)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (e.IsMissingBlob() || (conditions?.IfMatch is not null && e.IsConditionNotMet()))
        {
            return default;
        }
    }

    /// <summary>If-None-Match: * found a blob. Put Blob and Put Block List answer 409; some versions and emulators 412.</summary>
    public static bool IsAlreadyThere(this RequestFailedException e) =>
        e is { Status: 409, ErrorCode: "BlobAlreadyExists" } || e.IsConditionNotMet();

    /// <summary>If-Match found another etag.</summary>
    public static bool IsConditionNotMet(this RequestFailedException e) =>
        e is { Status: 412, ErrorCode: "ConditionNotMet" or "TargetConditionNotMet" };
}
