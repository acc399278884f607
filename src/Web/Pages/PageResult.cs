using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Slowrun.Web.Pages;

/// <summary>A component as a whole page of HTML. Components get all they show as parameters, and read nothing themselves.</summary>
internal sealed class PageResult(Type page, Dictionary<string, object?> parameters, int status) : IResult
{
    public static IResult Of<T>(Dictionary<string, object?> parameters, int status = StatusCodes.Status200OK)
        where T : IComponent => new PageResult(typeof(T), parameters, status);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var renderer = httpContext.RequestServices.GetRequiredService<HtmlRenderer>();
        var html = await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync(page, ParameterView.FromDictionary(parameters))).ToHtmlString()
        );
        httpContext.Response.StatusCode = status;
        httpContext.Response.ContentType = "text/html; charset=utf-8";
        await httpContext.Response.WriteAsync($"<!DOCTYPE html>\n{html}", httpContext.RequestAborted);
    }
}
