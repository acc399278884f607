using System.Net;

namespace Slowrun.Silo.Http;

/// <param name="Option">The option that names it.</param>
/// <param name="ServesPage">Metrics and health are served at each.</param>
internal sealed record HttpAddress(IPEndPoint Endpoint, string Option, bool ServesPage)
{
    public override string ToString() => $"{Endpoint} (option {Option})";
}
