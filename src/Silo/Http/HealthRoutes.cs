namespace Slowrun.Silo.Http;

/// <summary><c>/healthz</c> (restart the silo unless 200) and <c>/readyz</c> (the silo takes work), for supervisors: open without a token,
/// under exactly these paths.</summary>
internal static class HealthRoutes
{
    public static void UseHealth(this IApplicationBuilder app, SiloHealth health) =>
        app.Use(
            (context, next) =>
                context.Request.Path.Value switch
                {
                    "/healthz" when IsRead(context) => AnswerAsync(context, health.Trouble),
                    "/readyz" when IsRead(context) => AnswerAsync(context, health.NotReady),
                    _ => next(context),
                }
        );

    private static bool IsRead(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);

    private static Task AnswerAsync(HttpContext context, string? trouble)
    {
        context.Response.StatusCode = trouble is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync((trouble ?? "ok") + "\n", context.RequestAborted);
    }
}
