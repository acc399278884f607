using Microsoft.AspNetCore.Http;
using Slowrun.Web.Api;

namespace Slowrun.Web.Hosting;

/// <summary>Refuses, with a message, parameters that are given twice, or are longer than any valid value.</summary>
internal static class QuestionLimits
{
    private const int LongestValue = 200;

    // An address to return to, with parameters of its own.
    private const int LongestAddress = 2000;

    public static Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        foreach (var (name, values) in http.Request.Query)
        {
            var most = http.GetEndpoint()?.Metadata.GetMetadata<Repeated>() is { } repeated && repeated.Name == name ? repeated.Most : 1;
            if (values.Count > most)
            {
                return Problem.WriteAsync(
                    http,
                    StatusCodes.Status400BadRequest,
                    $"'{Shown(name)}' is given {values.Count} times; expected {(most == 1 ? "is one value" : $"are {most} at most")}."
                );
            }

            var longest = name == "to" && http.Request.Path.StartsWithSegments("/login") ? LongestAddress : LongestValue;
            var length = values.Max(value => value?.Length) ?? 0;
            if (name.Length > LongestValue || length > longest)
            {
                return Problem.WriteAsync(
                    http,
                    StatusCodes.Status400BadRequest,
                    $"'{Shown(name)}' has {length} characters; expected are {longest} at most."
                );
            }
        }

        return next(http);
    }

    private static string Shown(string name) => name.Length > 40 ? name[..40] + "…" : name;
}
