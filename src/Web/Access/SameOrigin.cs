using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>Browsers say where a request comes from; another site's form or script is refused, with or without a cookie.</summary>
internal static class SameOrigin
{
    public static Task InvokeAsync(HttpContext http, RequestDelegate next, Refusals refusals) =>
        IsFromElsewhere(http.Request)
            ? refusals.WriteAsync(http, StatusCodes.Status403Forbidden, "A request that changes something must come from the page itself.")
            : next(http);

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
