using System.Globalization;
using System.Net;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Silo.Http;

/// <summary>Where the silo's web server listens, who may use it, and whether it serves the page beside health and metrics.</summary>
/// <param name="Page">Whether one of the addresses does.</param>
internal sealed record HttpSettings(IReadOnlyList<HttpAddress> Addresses, AccessRules Access, bool Page)
{
    /// <summary>Of one core, in the long run: the limit for all requests but health.</summary>
    public double CpuShare { get; init; } = Page ? BackgroundThread.Share : BackgroundThread.Share / 2;

    /// <returns>Null where no HTTP is asked for.</returns>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public static HttpSettings? Parse(HttpArguments given)
    {
        try
        {
            return Read(given);
        }
        catch (ArgumentException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    private static HttpSettings? Read(HttpArguments given)
    {
        var addresses = new List<HttpAddress>();
        if (given.Http is { } http)
        {
            addresses.Add(new HttpAddress(Endpoint(http), "--http", ServesPage: given is { Page: true, PagePort: null }));
        }

        if (given.PagePort is { } port)
        {
            var page = WebOptions.Endpoint(given.Listen, port);
            var same = addresses.FindIndex(one => Covers(one, page));
            if (same < 0)
            {
                addresses.Add(new HttpAddress(page, "--page", ServesPage: true));
            }
            else
            {
                addresses[same] = addresses[same] with { ServesPage = true };
            }
        }

        if (addresses is [var first, var second] && Collide(first.Endpoint, second.Endpoint))
        {
            throw new FormatException(
                $"--http {first.Endpoint} and --page {second.Endpoint.Port} (at {second.Endpoint.Address}, see --listen) cannot both have the port: one of them is every address of this machine. Give --page without a port, which serves the page at the address of --http, or another port."
            );
        }

        if (addresses.Count == 0)
        {
            return given.Page
                ? throw new FormatException(
                    "--page without a port is served at the address of --http, which is not given; expected for example --page 8484."
                )
                : null;
        }

        var access = new AccessRules
        {
            Token = given.Token,
            MetricsToken = given.HttpToken,
            HostNames = given.HostNames,
        };
        addresses.ForEach(address => access.Check(address.Endpoint.Address, address.ServesPage));
        return new HttpSettings(addresses, access, given.Page);
    }

    /// <summary>Two addresses with port 0 get different ports.</summary>
    private static bool Covers(HttpAddress address, IPEndPoint page) => page.Port != 0 && address.Endpoint.Equals(page);

    /// <summary>Whether the system would refuse to listen on both: every address, and one of them, at one port.</summary>
    private static bool Collide(IPEndPoint one, IPEndPoint other) =>
        one.Port != 0 && one.Port == other.Port && (IsEvery(one.Address) || IsEvery(other.Address));

    private static bool IsEvery(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static IPEndPoint Endpoint(string text)
    {
        // A number alone would be taken for an address.
        if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return new IPEndPoint(IPAddress.Loopback, port);
        }

        var colon = text.LastIndexOf(':');
        return
            colon > 0
            && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && (text[0] == '[' || text.IndexOf(':', StringComparison.Ordinal) == colon)
            && IPAddress.TryParse(text[..colon], out var address)
            ? new IPEndPoint(address, port)
            : throw new FormatException(
                $"--http '{text}' is no address and port; expected for example 127.0.0.1:9464, [::1]:9464, or 9464 (loopback)."
            );
    }
}
