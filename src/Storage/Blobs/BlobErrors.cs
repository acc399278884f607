using Azure;

namespace Slowrun.Storage.Blobs;

/// <summary>Answers of Azure that are results and not failures. Facts: Azurite 3.37, and the service's reference.</summary>
internal static class BlobErrors
{
    /// <summary>There is no such blob, while there is such a container.</summary>
    public static bool IsMissingBlob(this RequestFailedException e) => e is { Status: 404, ErrorCode: "BlobNotFound" };

    /// <summary>If-None-Match: * found a blob. Put Blob and Put Block List answer 409; some versions and emulators 412.</summary>
    public static bool IsAlreadyThere(this RequestFailedException e) =>
        e is { Status: 409, ErrorCode: "BlobAlreadyExists" } || e.IsConditionNotMet();

    /// <summary>If-Match found another etag.</summary>
    public static bool IsConditionNotMet(this RequestFailedException e) =>
        e is { Status: 412, ErrorCode: "ConditionNotMet" or "TargetConditionNotMet" };
}
