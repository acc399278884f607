using System.Net;
using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>
/// Which names a caller may have used for the page. A page of somebody else's whose name is made to resolve to this machine (DNS rebinding)
/// reaches it from its victim's browser, under its own name: an address, or a name of ours, cannot be taken over so.
/// </summary>
internal sealed class HostNames(IEnumerable<string> names)
{
    private readonly HashSet<string> names = new(["localhost", Environment.MachineName, .. names], StringComparer.OrdinalIgnoreCase);

    public bool AreOurs(HostString host) => host.HasValue && (names.Contains(host.Host) || IPAddress.TryParse(host.Host, out _));
}
