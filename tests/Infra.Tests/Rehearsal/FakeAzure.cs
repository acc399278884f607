using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Slowrun.Tests.Metadata;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>What a machine asks Azure for beside its metadata: the published silo, and to be deallocated. Both want a token of its
/// identity.</summary>
internal sealed class FakeAzure(string machine, byte[] package, CloudInit cloudInit)
{
    /// <summary>Of the metadata service on every machine of Azure; here it answers for the rest, too.</summary>
    public static Uri Address { get; } = new("http://169.254.169.254/");

    public string ResourceId { get; } =
        $"/subscriptions/{Guid.Empty}/resourceGroups/fleet/providers/Microsoft.Compute/virtualMachines/{machine}";

    public ConcurrentQueue<string> Deallocations { get; } = [];

    public (int Status, byte[] Body)? Answer(HttpListenerRequest request)
    {
        var path = request.Url!.AbsolutePath;
        var container = cloudInit.Variable("SLOWRUN_STORE").Split('/')[^1];
        if (path == $"/{container}/{cloudInit.Variable("SLOWRUN_PACKAGE")}")
        {
            return IsOf(request, "https://storage.azure.com/") && request.Headers["x-ms-version"] is not null ? (200, package) : Refused;
        }

        if (path == $"{ResourceId}/deallocate" && request.HttpMethod == "POST")
        {
            Deallocations.Enqueue(request.Url.PathAndQuery);
            return IsOf(request, "https://management.azure.com/") ? (202, []) : Refused;
        }

        return null;
    }

    private static (int, byte[]) Refused => (403, Encoding.UTF8.GetBytes("no token of this resource"));

    private static bool IsOf(HttpListenerRequest request, string resource) =>
        request.Headers["Authorization"] == $"Bearer {MachineMetadataServer.TokenFor(resource)}";
}
