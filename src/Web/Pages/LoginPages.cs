using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slowrun.Web.Access;

namespace Slowrun.Web.Pages;

/// <summary>Where a browser trades the token for a cookie.</summary>
internal static class LoginPages
{
    // A week: as long as a run.
    private static readonly TimeSpan Lasts = TimeSpan.FromDays(7);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet(AccessGate.LoginPath, (string? to, AccessGate gate) => gate.Token is null
            ? Results.Redirect("/")
            : Page(to, wrong: false)).ExcludeFromDescription();
        app.MapPost(AccessGate.LoginPath, LoginAsync).ExcludeFromDescription();
        app.MapPost("/logout", (HttpContext http) =>
        {
            http.Response.Cookies.Delete(AccessToken.Cookie);
            return Results.Redirect(AccessGate.LoginPath);
        }).ExcludeFromDescription();
    }

    private static async Task<IResult> LoginAsync(HttpContext http, AccessGate gate)
    {
        var form = http.Request.HasFormContentType ? await http.Request.ReadFormAsync(http.RequestAborted) : FormCollection.Empty;
        var to = (string?)form["to"];
        var from = http.Connection.RemoteIpAddress;
        if (gate.Failed.AreTooMany(from))
        {
            await AccessGate.TooManyAsync(http);
            return Results.Empty;
        }

        if (gate.Token is not { } token || !token.Is(form["token"]))
        {
            gate.Failed.Add(from);
            return Page(to, wrong: true);
        }

        http.Response.Cookies.Append(AccessToken.Cookie, token.CookieValue, new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = http.Request.IsHttps,
            MaxAge = Lasts,
        });
        return Results.LocalRedirect(IsOurs(to) ? to! : "/");
    }

    private static IResult Page(string? to, bool wrong) => PageResult.Of<LoginPage>(
        new() { [nameof(LoginPage.To)] = IsOurs(to) ? to : "/", [nameof(LoginPage.Wrong)] = wrong },
        wrong ? StatusCodes.Status403Forbidden : StatusCodes.Status200OK);

    /// <summary>A link must not send whoever logs in somewhere else.</summary>
    private static bool IsOurs(string? to) => to is ['/', ..] && !to.StartsWith("//", StringComparison.Ordinal) && !to.Contains('\\', StringComparison.Ordinal);
}
