using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Silo.Http;

/// <summary>Who may ask: bearers of the token; without one, programs of this machine.</summary>
internal sealed class HttpAccess(string? token)
{
    private const string Scheme = "Bearer ";

    private static readonly string[] Open = ["/healthz", "/readyz"];

    // Hashes are of one length: comparing them tells nothing about the token, not even its length.
    private readonly byte[]? wanted = token is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(token));

    public async Task ApplyAsync(HttpContext context, RequestDelegate next)
    {
        if (Open.Contains(context.Request.Path.Value, StringComparer.Ordinal) || IsAllowed(context.Request))
        {
            await next(context);
        }
        else if (wanted is null)
        {
            await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "This server answers to localhost or an IP address only.");
        }
        else
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"slowrun\"";
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "This needs the silo's token: 'Authorization: Bearer TOKEN'.");
        }
    }

    private bool IsAllowed(HttpRequest request)
    {
        if (wanted is null)
        {
            // A web page that a browser of this machine shows may have let its own name lead here; it cannot choose this header.
            return request.Host.Host is "localhost" || IPAddress.TryParse(request.Host.Host, out _);
        }

        var given = request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : "";
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), wanted);
    }

    private static Task RefuseAsync(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(why + "\n", context.RequestAborted);
    }
}
