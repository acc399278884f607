using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Web.Access;

/// <summary>The page's token, compared in constant time; and what a browser keeps of it after a log-in.</summary>
internal sealed class AccessToken(string token)
{
    public const string Cookie = "slowrun-page";

    private readonly byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>Follows from the token, so it lasts over a restart of the page, and does not tell the token.</summary>
    public string CookieValue { get; } =
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), "slowrun page cookie 1"u8));

    public bool Is(string? given) => given is not null && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), hash);

    public bool IsCookie(string? given) => given is not null
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(CookieValue)));
}
