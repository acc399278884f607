using System.Globalization;
using System.Net;
using Slowrun.Web.Hosting;

namespace Slowrun.Silo.Http;

/// <summary>Where the silo answers HTTP, and whom.</summary>
/// <param name="Token">Asked of everybody, but for health; null: only on loopback.</param>
internal sealed record HttpSettings(IPEndPoint Address, string? Token)
{
    /// <summary>Of one core, in the long run: what all but health may take from the trainers.</summary>
    public double CpuShare { get; init; } = BackgroundThread.Share / 2;

    // Of random letters and digits, 16 withstand any number of guesses over a network.
    private const int ShortestToken = 16;

    /// <param name="address">As in <c>127.0.0.1:9464</c>; a port alone is loopback. Null: no HTTP.</param>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public static HttpSettings? Parse(string? address, string? token)
    {
        if (address is null)
        {
            return null;
        }

        if (token is { Length: < ShortestToken })
        {
            throw new FormatException(
                $"The HTTP token (--http-token or SLOWRUN_TOKEN) has {token.Length} characters; expected {ShortestToken} or more, for example from 'openssl rand -hex 16'."
            );
        }

        var endpoint = Endpoint(address);
        return token is null && !IPAddress.IsLoopback(endpoint.Address)
            ? throw new FormatException(
                $"--http '{address}' is open to other machines, and no token is set; expected one in SLOWRUN_TOKEN (or --http-token), or a loopback address such as 127.0.0.1:{endpoint.Port}."
            )
            : new HttpSettings(endpoint, token);
    }

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
