using Microsoft.AspNetCore.Http;
using Slowrun.Web.Access;
using Slowrun.Web.Api;

namespace Slowrun.Web.Hosting;

/// <summary>Turns exceptions into answers that say what to do, never with a stack trace.</summary>
internal static class Trouble
{
    public static async Task InvokeAsync(HttpContext http, RequestDelegate next, Action<Exception> tell)
    {
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone.
        }
        catch (BadHttpRequestException e)
        {
            await AnswerAsync(http, e.StatusCode, e.Message);
        }
        catch (InvalidDataException e)
        {
            await AnswerAsync(http, StatusCodes.Status500InternalServerError, e.Message);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            await AnswerAsync(http, StatusCodes.Status503ServiceUnavailable, $"The store does not answer: {e.Message} Try again.");
        }
        catch (Exception e)
        {
            tell(e);
            await AnswerAsync(
                http,
                StatusCodes.Status500InternalServerError,
                "This should not have happened. The output of the process that serves the page has the details."
            );
        }
    }

    private static Task AnswerAsync(HttpContext http, int status, string detail)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }

        http.Response.Clear();
        SafeHeaders.Set(http.Response);
        return http.Request.Path.StartsWithSegments("/assets") ? Task.CompletedTask : Problem.WriteAsync(http, status, detail);
    }
}
