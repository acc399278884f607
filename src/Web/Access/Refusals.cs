using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>Answers refused requests: a status, and the reason in a sentence.</summary>
/// <param name="write">Writes the answer in the form that the caller reads.</param>
/// <param name="loginPath">Where a browser logs in; null: there is no such page.</param>
internal sealed class Refusals(Func<HttpContext, int, string, Task> write, string? loginPath)
{
    public string? LoginPath => loginPath;

    public Task WriteAsync(HttpContext http, int status, string why) => write(http, status, why);

    public Task TooManyAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "60";
        return WriteAsync(
            http,
            StatusCodes.Status429TooManyRequests,
            $"More than {WrongTries.MostAMinute} wrong tokens in a minute. Wait a minute, or send the right one."
        );
    }
}
