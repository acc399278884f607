using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Core.Specs;
using Slowrun.Web.Access;

namespace Slowrun.Web.Api;

/// <summary>What went wrong: problem details (RFC 9457) for programs, a page for people.</summary>
internal static class Problem
{
    public static Task WriteAsync(HttpContext http, int status, string detail) => Result(http, status, detail).ExecuteAsync(http);

    public static IResult Result(HttpContext http, int status, string detail) =>
        http.Request.Path.StartsWithSegments("/api") ? TypedResults.Problem(detail, statusCode: status)
        : IsForPeople(http) ? http.RequestServices.GetRequiredService<ProblemView>()(http, status, detail)
        : TypedResults.Text(detail + "\n", statusCode: status);

    /// <summary>Each problem by the path of its field.</summary>
    public static IResult OfSpec(SpecException e) =>
        TypedResults.ValidationProblem(
            e.Problems.GroupBy(problem => problem.Path, problem => problem.Message).ToDictionary(path => path.Key, path => path.ToArray()),
            e.Message
        );

    public static IResult NoSuchRun(HttpContext http, string run, string store) =>
        Result(http, StatusCodes.Status404NotFound, $"There is no run '{Shown(run)}' in '{store}'.");

    /// <summary>Metrics, and servers without a page, have only programs as callers.</summary>
    private static bool IsForPeople(HttpContext http) =>
        http.RequestServices.GetService<ProblemView>() is not null
        && http.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy != Permissions.Metrics;

    /// <summary>A name from a request, shortened for the answer.</summary>
    private static string Shown(string name) => name.Length > 100 ? name[..100] + "…" : name;
}
