using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>The one place where tokens and cookies are looked at, for every server of Slowrun's.</summary>
internal sealed class AccessGate(AccessSettings settings, TimeProvider time)
{
    private readonly AccessToken? token = settings.Token is { } text ? new AccessToken(text) : null;
    private readonly HostNames? hosts = settings.HostNames is { } names ? new HostNames(names) : null;
    private readonly WrongTries wrong = new(time);

    public AccessSettings Settings => settings;

    public Sessions Sessions { get; } = new(time);

    /// <summary>Whether a token is asked for; only then orders (pause, resume, cancel) are taken.</summary>
    public bool AsksForToken => token is not null;

    /// <summary>What is refused before anybody asks who it is from.</summary>
    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.Request;
        return hosts?.AreOurs(request.Host) == false
                ? settings.Answer(
                    http,
                    StatusCodes.Status421MisdirectedRequest,
                    $"This server is not known as '{request.Host.Host}'. Use localhost, its address, or a name given with --host."
                )
            : IsFromElsewhere(request)
                ? settings.Answer(http, StatusCodes.Status403Forbidden, "A request that changes something must come from the page itself.")
            : next(http);
    }

    /// <summary>Whether the token is right; a wrong one is counted.</summary>
    public TokenVerdict Judge(HttpContext http, string? given) => token?.Is(given) == true ? TokenVerdict.Right : Wrong(http);

    /// <summary>As above, of a cookie.</summary>
    public TokenVerdict JudgeCookie(HttpContext http, string value) => Sessions.Has(http, value) ? TokenVerdict.Right : Wrong(http);

    public bool HadTooMany(HttpContext http) => wrong.AreTooMany(http.Connection.RemoteIpAddress);

    public Task TooManyAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "60";
        return settings.Answer(
            http,
            StatusCodes.Status429TooManyRequests,
            $"More than {WrongTries.MostAMinute} wrong tokens in a minute. Wait a minute, or send the right one."
        );
    }

    private TokenVerdict Wrong(HttpContext http)
    {
        var before = HadTooMany(http);
        wrong.Add(http.Connection.RemoteIpAddress);
        return before ? TokenVerdict.TooMany : TokenVerdict.Wrong;
    }

    /// <summary>Browsers say where a request comes from; another site's form or script is refused, with or without a cookie.</summary>
    private static bool IsFromElsewhere(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return false;
        }

        return request.Headers["Sec-Fetch-Site"] is [{ } site]
            ? site is not ("same-origin" or "none")
            : request.Headers.Origin is [{ } origin]
                && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }
}

internal enum TokenVerdict
{
    Wrong,

    /// <summary>Wrong, and there were too many before it.</summary>
    TooMany,
    Right,
}
