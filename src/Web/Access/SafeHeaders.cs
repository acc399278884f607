using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>Headers of every answer: the browser loads nothing from other sites, runs no inline script, and lets no site frame the
/// page.</summary>
internal static class SafeHeaders
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        Set(http.Response);
        return next(http);
    }

    /// <summary>Once more for an answer that was cleared.</summary>
    public static void Set(HttpResponse response)
    {
        var headers = response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        // With no-referrer a browser sends "Origin: null" with the page's own forms, which tells it from no other site (Fetch standard).
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }
}
