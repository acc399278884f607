using System.Net;

namespace Slowrun.Web.Access;

/// <summary>Who may use a web server: the same rules for everything that it serves, except health, which is open.</summary>
public sealed record AccessRules
{
    /// <summary>Shorter ones can be guessed.</summary>
    public const int ShortestToken = 16;

    /// <summary>
    /// Its bearers may read everything, and submit runs, pause, resume, cancel, retry and change their operations. Null: the page only
    /// reads, needs no token, and listens on loopback only.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>Opens metrics and nothing else. Null: <see cref="Token"/> does, as it always does.</summary>
    public string? MetricsToken { get; init; }

    /// <summary>Names, besides this machine's own, that a browser may know the page by.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>Whether orders (submit, pause, resume, cancel, retry, operations) are accepted, from bearers of the token.</summary>
    public bool TakesOrders => Token is not null;

    /// <summary>Whether metrics are readable without a token.</summary>
    internal bool MetricsAreOpen => Token is null && MetricsToken is null;

    /// <exception cref="ArgumentException">The server may not be started like this.</exception>
    public void Check(IPAddress address, bool servesPage)
    {
        ArgumentNullException.ThrowIfNull(address);
        CheckToken("The token", Token);
        CheckToken("The metrics token", MetricsToken);
        var isOpen = servesPage ? Token is null : MetricsAreOpen;
        if (isOpen && !IPAddress.IsLoopback(address))
        {
            throw new ArgumentException(
                $"The server would listen on {address} and let every caller read {(servesPage ? "the page" : "its metrics")}. Give a token with SLOWRUN_TOKEN, or listen on loopback and reach it through a tunnel (ssh -L)."
            );
        }

        if (HostNames.Contains("*"))
        {
            throw new ArgumentException("The host name '*' would let every web site's name in; expected are names that this server has.");
        }
    }

    private static void CheckToken(string what, string? token)
    {
        if (token is not null && (token.Length < ShortestToken || token.Any(c => c is <= ' ' or > '~')))
        {
            throw new ArgumentException(
                $"{what} has {token.Length} characters; expected at least {ShortestToken}, of printable ASCII without spaces. 'openssl rand -hex 24' makes a good one."
            );
        }
    }
}
