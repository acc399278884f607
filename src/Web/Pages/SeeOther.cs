using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Pages;

/// <summary>After a form was obeyed: reloading what comes next must not send it again.</summary>
internal sealed class SeeOther(string address) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = address;
        return Task.CompletedTask;
    }
}
