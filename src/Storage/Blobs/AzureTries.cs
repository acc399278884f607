using Azure;
using Azure.Identity;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>What the failures of Azure's clients mean: the same for each of its services.</summary>
internal static class AzureTries
{
    /// <summary>Whether another try may succeed.</summary>
    public static bool IsTransient(Exception? e) =>
        e switch
        {
            RequestFailedException r when StoreTries.IsTransient(r.Status) => true,
            RequestFailedException { ErrorCode: "ContainerBeingDeleted" or "ServerBusy" or "OperationTimedOut" } => true,
            // A checksum that did not fit: damaged on its way.
            RequestFailedException { ErrorCode: "Md5Mismatch" } => true,
            RequestFailedException or AuthenticationFailedException => false,
            AggregateException aggregate => aggregate.InnerExceptions.All(IsTransient),
            _ => StoreTries.IsTransient(e),
        };

    /// <summary>
    /// The cause as a log may show it: the SDK's own exception prints the whole answer, and the service quotes parameters of the request in
    /// it, a signature among them.
    /// </summary>
    public static Exception Cause(Exception e) =>
        e is RequestFailedException { Status: > 0 } r ? new RequestFailedException(r.Status, Short(r), r.ErrorCode, null) : e;

    public static string Short(Exception e) =>
        e is RequestFailedException { Status: > 0 } r ? $"{r.Status} {r.ErrorCode}".TrimEnd() : StoreTries.Short(e);
}
