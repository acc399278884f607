using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Slowrun.Web.Access;

// Without the framework's logs: whoever tries tokens out must not fill them.
/// <summary>Who asks: the bearer of the token, a browser that has logged in, or, where no token is asked for, anybody.</summary>
internal sealed class TokenAuthentication(IOptionsMonitor<AuthenticationSchemeOptions> options, UrlEncoder encoder, AccessGate gate)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, NullLoggerFactory.Instance, encoder)
{
    public const string Name = "Slowrun";

    /// <summary>The role of those who may pause, resume and cancel.</summary>
    public const string Orders = "orders";

    private const string Bearer = "Bearer ";

    private TokenVerdict? judged;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (judged is null ? gate.HadTooMany(Context) : judged == TokenVerdict.TooMany)
        {
            return gate.TooManyAsync(Context);
        }

        if (
            gate.Settings.LoginPath is { } login
            && HttpMethods.IsGet(Request.Method)
            && !Request.Path.StartsWithSegments("/api")
            && Request.Headers.Authorization.Count == 0
        )
        {
            Response.Redirect($"{login}?to={Uri.EscapeDataString(Request.Path + Request.QueryString)}");
            return Task.CompletedTask;
        }

        Response.Headers.WWWAuthenticate = "Bearer";
        return gate.Settings.Answer(
            Context,
            StatusCodes.Status401Unauthorized,
            "The server was started with a token: send it as 'Authorization: Bearer TOKEN', or log in."
        );
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        gate.Settings.Answer(
            Context,
            StatusCodes.Status403Forbidden,
            "This page only reads. Started with a token (SLOWRUN_TOKEN or --token) it takes orders too; 'slowrun pause', 'resume' and 'cancel' always do."
        );

    private AuthenticateResult Authenticate()
    {
        if (!gate.AsksForToken)
        {
            return Success();
        }

        // Both may be there: a stale cookie must not shut out the right token.
        if (Request.Headers.Authorization is [{ } given] && given.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return Of(gate.Judge(Context, given[Bearer.Length..].Trim()));
        }

        if (Request.Cookies[Sessions.CookieOf(Context)] is not { } cookie)
        {
            return AuthenticateResult.NoResult();
        }

        var result = Of(gate.JudgeCookie(Context, cookie));
        if (!result.Succeeded)
        {
            // Of a server that has ended since: the browser is to forget it, not to go on counting as wrong.
            Response.Cookies.Delete(Sessions.CookieOf(Context));
        }

        return result;
    }

    private AuthenticateResult Of(TokenVerdict verdict)
    {
        judged = verdict;
        return verdict == TokenVerdict.Right ? Success(new Claim(ClaimTypes.Role, Orders)) : AuthenticateResult.Fail("Wrong.");
    }

    private static AuthenticateResult Success(params Claim[] claims) =>
        AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, Name)), Name));
}
