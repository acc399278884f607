using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Slowrun.Web.Access;

/// <summary>Authenticates the bearer of a token, or a browser that has logged in. <see cref="Permissions"/> says what each may do. Without
/// the framework's logs, which an attacker's tries would fill.</summary>
internal sealed class TokenAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    UrlEncoder encoder,
    AccessRules rules,
    Credentials credentials,
    Refusals refusals
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, NullLoggerFactory.Instance, encoder)
{
    public const string Name = "Slowrun";

    private const string Bearer = "Bearer ";

    private TokenVerdict? judged;

    /// <summary>The policy that the endpoint names; null where there is none.</summary>
    private string? Needed => Context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (Needed == Permissions.Orders && !rules.TakesOrders)
        {
            return refusals.WriteAsync(
                Context,
                StatusCodes.Status403Forbidden,
                "This page only reads. Started with a token (SLOWRUN_TOKEN) it takes orders too; 'slowrun submit', 'pause', 'resume' and 'cancel' always do."
            );
        }

        // Only further wrong tries: a visitor without a token is led to the log-in, whatever others of the address have sent.
        if (judged == TokenVerdict.TooMany)
        {
            return refusals.TooManyAsync(Context);
        }

        if (
            refusals.LoginPath is { } login
            && Needed == Permissions.Read
            && HttpMethods.IsGet(Request.Method)
            && !Request.Path.StartsWithSegments("/api")
            && Request.Headers.Authorization.Count == 0
        )
        {
            Response.Redirect($"{login}?to={Uri.EscapeDataString(Request.Path + Request.QueryString)}");
            return Task.CompletedTask;
        }

        Response.Headers.WWWAuthenticate = "Bearer";
        return refusals.WriteAsync(
            Context,
            StatusCodes.Status401Unauthorized,
            "The server was started with a token: send it as 'Authorization: Bearer TOKEN', or log in."
        );
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        refusals.WriteAsync(
            Context,
            StatusCodes.Status403Forbidden,
            "This token (--http-token) opens metrics and nothing else; expected is the one in SLOWRUN_TOKEN."
        );

    private AuthenticateResult Authenticate()
    {
        if (rules.MetricsAreOpen)
        {
            // There is no token to be right or wrong.
            return AuthenticateResult.NoResult();
        }

        // Both may be there: a stale cookie must not shut out the right token.
        if (Request.Headers.Authorization is [{ } given] && given.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return Of(credentials.OfToken(Context, given[Bearer.Length..].Trim()));
        }

        if (Request.Cookies[Sessions.CookieOf(Context)] is not { } cookie)
        {
            return AuthenticateResult.NoResult();
        }

        var result = Of(credentials.OfCookie(Context, cookie));
        if (!result.Succeeded)
        {
            // Probably of a server that has ended since: the browser deletes it, so that it does not count as wrong again.
            Response.Cookies.Delete(Sessions.CookieOf(Context));
        }

        return result;
    }

    private AuthenticateResult Of(TokenVerdict verdict)
    {
        judged = verdict;
        return verdict switch
        {
            TokenVerdict.Everything => Success(Permissions.Read, Permissions.Orders, Permissions.Metrics),
            TokenVerdict.Metrics => Success(Permissions.Metrics),
            _ => AuthenticateResult.Fail("Wrong."),
        };
    }

    private static AuthenticateResult Success(params string[] roles) =>
        AuthenticateResult.Success(
            new AuthenticationTicket(
                new ClaimsPrincipal(new ClaimsIdentity(roles.Select(role => new Claim(ClaimTypes.Role, role)), Name)),
                Name
            )
        );
}
