using Microsoft.AspNetCore.Http;
using Slowrun.Web.Api;

namespace Slowrun.Web.Access;

/// <summary>Who may come in: looked at before anything of a request is used.</summary>
/// <param name="token">Null: everybody may read, nobody may write.</param>
internal sealed class AccessGate(AccessToken? token, HostNames hosts, FailedTries failed)
{
    public const string LoginPath = "/login";

    /// <summary>Whether orders (pause, resume, cancel) are taken at all.</summary>
    public bool TakesOrders => token is not null;

    public AccessToken? Token => token;

    public FailedTries Failed => failed;

    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.Request;
        if (!hosts.AreOurs(request.Host))
        {
            await Problem.WriteAsync(http, StatusCodes.Status421MisdirectedRequest, $"The page is not known as '{request.Host.Host}'. Use its address, or name it with --host.");
        }
        else if (IsFromElsewhere(request))
        {
            await Problem.WriteAsync(http, StatusCodes.Status403Forbidden, "A request that changes something must come from the page itself.");
        }
        else if (token is null || IsFree(request.Path) || IsKnown(http))
        {
            await next(http);
        }
        else if (failed.AreTooMany(http.Connection.RemoteIpAddress))
        {
            await TooManyAsync(http);
        }
        else if (HttpMethods.IsGet(request.Method) && !request.Path.StartsWithSegments("/api") && request.Headers.Authorization.Count == 0)
        {
            http.Response.Redirect($"{LoginPath}?to={Uri.EscapeDataString(request.Path + request.QueryString)}");
        }
        else
        {
            http.Response.Headers.WWWAuthenticate = "Bearer";
            await Problem.WriteAsync(http, StatusCodes.Status401Unauthorized, "The page was started with a token: send it as 'Authorization: Bearer TOKEN', or log in.");
        }
    }

    public static Task TooManyAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "60";
        return Problem.WriteAsync(http, StatusCodes.Status429TooManyRequests, $"More than {FailedTries.MostAMinute} wrong tokens in a minute. Wait a minute.");
    }

    private bool IsKnown(HttpContext http)
    {
        if (token!.IsCookie(http.Request.Cookies[AccessToken.Cookie]))
        {
            return true;
        }

        const string Bearer = "Bearer ";
        if (http.Request.Headers.Authorization is not [{ } given] || !given.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // Not looked at any more once there were too many: else the right one among the wrong ones would still be found.
        if (failed.AreTooMany(http.Connection.RemoteIpAddress))
        {
            return false;
        }

        if (token.Is(given[Bearer.Length..].Trim()))
        {
            return true;
        }

        failed.Add(http.Connection.RemoteIpAddress);
        return false;
    }

    /// <summary>Browsers say where a request comes from; another site's form or script is refused, with or without a cookie.</summary>
    private static bool IsFromElsewhere(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return false;
        }

        return request.Headers["Sec-Fetch-Site"] is [{ } site] ? site is not ("same-origin" or "none")
            : request.Headers.Origin is [{ } origin] && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsFree(PathString path) => path == LoginPath || path.StartsWithSegments("/assets");
}
