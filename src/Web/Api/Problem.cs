using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Slowrun.Web.Api;

/// <summary>What went wrong: problem details (RFC 9457) for programs, a page for people.</summary>
internal static class Problem
{
    public static Task WriteAsync(HttpContext http, int status, string detail) => Result(http, status, detail).ExecuteAsync(http);

    public static IResult Result(HttpContext http, int status, string detail) =>
        http.Request.Path.StartsWithSegments("/api")
            ? TypedResults.Problem(detail, statusCode: status)
            : http.RequestServices.GetRequiredService<ProblemView>()(status, detail);

    public static IResult NoSuchRun(HttpContext http, string run, string store) =>
        Result(http, StatusCodes.Status404NotFound, $"There is no run '{Shown(run)}' in '{store}'.");

    /// <summary>A name that somebody sent, fit to be shown again.</summary>
    private static string Shown(string name) => name.Length > 100 ? name[..100] + "…" : name;
}
