using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Web.Access;

/// <summary>The token of a server, compared in constant time.</summary>
internal sealed class AccessToken(string token)
{
    // Hashes are of one length: comparing them tells nothing about the token, not even its length.
    private readonly byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    public bool Is(string? given) =>
        given is not null && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), hash);
}
