using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>Puts token sets and their manifest into a store; repeated calls upload nothing again.</summary>
public sealed class DataUpload(IObjectStore store)
{
    /// <summary>Uploads what is not there yet, the manifest last.</summary>
    /// <param name="tokenizer"><c>bytes</c>, or a name by which the tokenizer can be found again.</param>
    /// <param name="source">Where the text came from, for people.</param>
    /// <returns>SHA-256 of the manifest: the recipe's data hash.</returns>
    /// <exception cref="ArgumentException">The sets are of different vocabularies, or of more than 65,536 ids.</exception>
    public async Task<string> UploadAsync(
        string tokenizer,
        TokenSet train,
        TokenSet? fitness,
        TokenSet? validation,
        string source,
        double? validationOverlap,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(train);
        foreach (var set in new[] { train, fitness, validation }.OfType<TokenSet>())
        {
            if (set.TokenBytes.Count > ushort.MaxValue + 1 || !set.TokenBytes.SequenceEqual(train.TokenBytes))
            {
                throw new ArgumentException(
                    $"All sets must share one vocabulary of at most 65536 ids; found {train.TokenBytes.Count} and {set.TokenBytes.Count}.",
                    nameof(train)
                );
            }
        }

        var known = StoredTokenSets.TokenBytesOf(tokenizer);
        var manifest = new DataManifest
        {
            Tokenizer = tokenizer,
            VocabSize = train.TokenBytes.Count,
            Train = await UploadAsync(train, cancellationToken).ConfigureAwait(false),
            Fitness = fitness is null ? null : await UploadAsync(fitness, cancellationToken).ConfigureAwait(false),
            Validation = validation is null ? null : await UploadAsync(validation, cancellationToken).ConfigureAwait(false),
            TokenBytesSha256 =
                known is not null && known.SequenceEqual(train.TokenBytes)
                    ? null
                    : await UploadAsync(Bytes<int>([.. train.TokenBytes]), cancellationToken).ConfigureAwait(false),
            Source = source,
            ValidationOverlap = validationOverlap,
        };
        return await UploadAsync(CanonicalJson.Serialize(manifest), cancellationToken).ConfigureAwait(false);
    }

    private async Task<StoredTokens> UploadAsync(TokenSet set, CancellationToken cancellationToken)
    {
        var tokens = new byte[checked(set.Length * sizeof(ushort))];
        var ids = new int[1 << 16];
        for (long start = 0; start < set.Length; start += ids.Length)
        {
            var piece = ids.AsSpan(0, (int)Math.Min(ids.Length, set.Length - start));
            set.Read(start, piece);
            for (var i = 0; i < piece.Length; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(tokens.AsSpan((int)((start + i) * sizeof(ushort))), checked((ushort)piece[i]));
            }
        }

        return new StoredTokens(
            await UploadAsync(tokens, cancellationToken).ConfigureAwait(false),
            set.Length,
            await UploadAsync(Bytes<long>([.. set.DocumentStarts]), cancellationToken).ConfigureAwait(false),
            set.DocumentStarts.Count
        );
    }

    private async Task<string> UploadAsync(byte[] content, CancellationToken cancellationToken)
    {
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
        using var stream = new MemoryBlocksStream(content);
        await store.TryCreateAsync(DataPaths.Of(sha256), stream, cancellationToken).ConfigureAwait(false);
        return sha256;
    }

    // Little endian, as every machine that .NET runs Slowrun on.
    private static byte[] Bytes<T>(T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
