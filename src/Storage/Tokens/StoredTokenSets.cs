using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>Reads a run's data from a store into memory, and verifies it against the hash it is named by.</summary>
public sealed class StoredTokenSets(IObjectStore store)
{
    /// <param name="sha256">The recipe's data hash.</param>
    /// <exception cref="InvalidDataException">Missing or damaged.</exception>
    public async Task<DataManifest> ReadManifestAsync(string sha256, CancellationToken cancellationToken = default)
    {
        var content = await ReadAsync(sha256, cancellationToken).ConfigureAwait(false);
        return CanonicalJson.Deserialize<DataManifest>(content, DataPaths.Of(sha256));
    }

    /// <param name="tokens">One of the sets that <paramref name="manifest"/> names.</param>
    /// <exception cref="InvalidDataException">Missing or damaged, or not what the manifest says.</exception>
    public async Task<TokenSet> ReadAsync(DataManifest manifest, StoredTokens tokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(tokens);
        var ids = await ReadAsync<ushort>(tokens.Sha256, cancellationToken).ConfigureAwait(false);
        var starts = await ReadAsync<long>(tokens.DocumentStartsSha256, cancellationToken).ConfigureAwait(false);
        var tokenBytes = manifest.TokenBytesSha256 is { } sha256
            ? await ReadAsync<int>(sha256, cancellationToken).ConfigureAwait(false)
            : TokenBytesOf(manifest.Tokenizer);
        if (tokens.ElementType != "uint16" || ids.Length != tokens.Tokens || starts.Length != tokens.Documents || tokenBytes?.Length != manifest.VocabSize)
        {
            throw new InvalidDataException(
                $"'{DataPaths.Of(tokens.Sha256)}' has {ids.Length} tokens in {starts.Length} documents over {tokenBytes?.Length} ids; its manifest says "
                + $"{tokens.Tokens} of {tokens.ElementType} in {tokens.Documents} over {manifest.VocabSize}.");
        }

        try
        {
            return new ArrayTokenSet(ids, starts, tokenBytes);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"'{DataPaths.Of(tokens.Sha256)}' holds no token set: {e.Message}", e);
        }
    }

    /// <summary>Bytes that each id of a tokenizer known here stands for; null for others.</summary>
    internal static int[]? TokenBytesOf(string tokenizer) => tokenizer == "bytes" ? [.. Enumerable.Repeat(1, 256), 0] : null;

    internal static InvalidDataException Missing(string sha256) =>
        new($"The data '{DataPaths.Of(sha256)}' is missing from the store. Submit the run again: that uploads it.");

    internal static InvalidDataException Damaged(string sha256, string found) =>
        new($"The data '{DataPaths.Of(sha256)}' is damaged: its SHA-256 is {found}. Delete it and submit the run again.");

    private async Task<T[]> ReadAsync<T>(string sha256, CancellationToken cancellationToken)
        where T : unmanaged
    {
        var content = await ReadAsync(sha256, cancellationToken).ConfigureAwait(false);
        return MemoryMarshal.Cast<byte, T>(content).ToArray();
    }

    private async Task<byte[]> ReadAsync(string sha256, CancellationToken cancellationToken)
    {
        var name = DataPaths.Of(sha256);
        var found = await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false)
            ?? throw Missing(sha256);
        await using (found.ConfigureAwait(false))
        {
            var content = new byte[found.Length];
            await found.ReadExactlyAsync(content, cancellationToken).ConfigureAwait(false);
            var hash = Convert.ToHexStringLower(SHA256.HashData(content));
            return hash == sha256
                ? content
                : throw Damaged(sha256, hash);
        }
    }
}
