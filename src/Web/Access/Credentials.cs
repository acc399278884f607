using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>The only place where tokens and cookies are checked. Wrong ones are counted.</summary>
internal sealed class Credentials(AccessRules rules, TimeProvider time)
{
    private readonly AccessToken? token = rules.Token is { } text ? new AccessToken(text) : null;
    private readonly AccessToken? metricsToken = rules.MetricsToken is { } text ? new AccessToken(text) : null;
    private readonly WrongTries wrong = new(time);

    public Sessions Sessions { get; } = new(time);

    public TokenVerdict OfToken(HttpContext http, string? given)
    {
        // Both are compared, whatever the first says.
        var (everything, metrics) = (token?.Is(given) == true, metricsToken?.Is(given) == true);
        return everything ? TokenVerdict.Everything
            : metrics ? TokenVerdict.Metrics
            : Wrong(http);
    }

    public TokenVerdict OfCookie(HttpContext http, string value) => Sessions.Has(http, value) ? TokenVerdict.Everything : Wrong(http);

    public TokenVerdict Wrong(HttpContext http)
    {
        var before = wrong.AreTooMany(http.Connection.RemoteIpAddress);
        wrong.Add(http.Connection.RemoteIpAddress);
        return before ? TokenVerdict.TooMany : TokenVerdict.Wrong;
    }
}

internal enum TokenVerdict
{
    Wrong,

    /// <summary>Wrong, after too many wrong ones.</summary>
    TooMany,

    /// <summary>Right for metrics, and for nothing else.</summary>
    Metrics,
    Everything,
}
