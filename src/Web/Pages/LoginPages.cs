using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Web.Access;
using Slowrun.Web.Api;

namespace Slowrun.Web.Pages;

/// <summary>Where a browser trades the token for a cookie.</summary>
internal static class LoginPages
{
    public const string Path = "/login";

    // How long a form may take to arrive.
    private static readonly TimeSpan LongestForm = TimeSpan.FromSeconds(5);

    public static void Map(IEndpointRouteBuilder app)
    {
        var open = app.MapGroup("").AllowAnonymous().ExcludeFromDescription();
        open.MapGet(Path, (string? to, AccessRules rules) => rules.Token is not null ? Page(to, wrong: false) : Results.Redirect("/"));
        open.MapPost(Path, LoginAsync);
        open.MapPost(
            "/logout",
            (HttpContext http, Credentials credentials) =>
            {
                var name = Sessions.CookieOf(http);
                if (http.Request.Cookies[name] is { } cookie)
                {
                    credentials.Sessions.End(cookie);
                }

                http.Response.Cookies.Delete(name);
                return Results.Redirect(Path);
            }
        );
    }

    private static async Task<IResult> LoginAsync(HttpContext http, Credentials credentials, Refusals refusals)
    {
        if (await FormAsync(http) is not { } form)
        {
            return Problem.Result(http, StatusCodes.Status408RequestTimeout, "The form did not arrive in time. Try again.");
        }

        var to = (string?)form["to"];
        var verdict = credentials.OfToken(http, form["token"]);
        if (verdict == TokenVerdict.TooMany)
        {
            await refusals.TooManyAsync(http);
            return Results.Empty;
        }

        if (verdict != TokenVerdict.Everything)
        {
            return Page(to, wrong: true);
        }

        http.Response.Cookies.Append(
            Sessions.CookieOf(http),
            credentials.Sessions.Begin(http),
            new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                Secure = http.Request.IsHttps,
                MaxAge = Sessions.Lasts,
            }
        );
        return Results.LocalRedirect(ReturnAddress.Of(to));
    }

    /// <returns>Null: it did not come in time.</returns>
    private static async Task<IFormCollection?> FormAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
        {
            return FormCollection.Empty;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(LongestForm);
        try
        {
            return await http.Request.ReadFormAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            return null;
        }
    }

    private static IResult Page(string? to, bool wrong) =>
        PageResult.Of<LoginPage>(
            new() { [nameof(LoginPage.To)] = ReturnAddress.Of(to), [nameof(LoginPage.Wrong)] = wrong },
            wrong ? StatusCodes.Status403Forbidden : StatusCodes.Status200OK
        );
}
