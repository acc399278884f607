using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Http;

/// <summary><c>/healthz</c> (restart me unless 200) and <c>/readyz</c> (I take work), for whatever supervises a silo.</summary>
internal static class HealthRoutes
{
    public static void MapHealth(this IEndpointRouteBuilder routes, SiloHealth health)
    {
        routes.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => AnswerAsync(context, health.Trouble)));
        routes.MapMethods("/readyz", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => AnswerAsync(context, health.NotReady)));
    }

    private static Task AnswerAsync(HttpContext context, string? trouble)
    {
        context.Response.StatusCode = trouble is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync((trouble ?? "ok") + "\n", context.RequestAborted);
    }
}
