using System.IO.Hashing;

namespace Slowrun.Storage;

/// <summary>XxHash128 as lower-case hex: finds damage, at memory speed. Names that others rely on are SHA-256 instead.</summary>
internal static class ContentHash
{
    public static string Of(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(XxHash128.Hash(content));

    /// <summary>Hashes to the stream's end.</summary>
    public static async Task<string> OfAsync(Stream content, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        await hash.AppendAsync(content, cancellationToken).ConfigureAwait(false);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
