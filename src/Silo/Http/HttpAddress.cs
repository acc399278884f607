using System.Net;

namespace Slowrun.Silo.Http;

/// <param name="Option">That asked for it.</param>
internal sealed record HttpAddress(IPEndPoint Endpoint, string Option)
{
    public override string ToString() => $"{Endpoint} (option {Option})";
}
