using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Web.Access;

namespace Slowrun.Web.Pages;

/// <summary>Where a browser trades the token for a cookie.</summary>
internal static class LoginPages
{
    public const string Path = "/login";

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
        var form = http.Request.HasFormContentType ? await http.Request.ReadFormAsync(http.RequestAborted) : FormCollection.Empty;
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

    private static IResult Page(string? to, bool wrong) =>
        PageResult.Of<LoginPage>(
            new() { [nameof(LoginPage.To)] = ReturnAddress.Of(to), [nameof(LoginPage.Wrong)] = wrong },
            wrong ? StatusCodes.Status403Forbidden : StatusCodes.Status200OK
        );
}
