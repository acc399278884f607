using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>
/// Reads data into private memory, and hashes the bytes that it has read: later changes of the object have no effect. (A mapped file would
/// show them.) Subclasses say where the objects are.
/// </summary>
internal abstract class DataReader
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Reads an object as numbers, verified.</summary>
    /// <exception cref="InvalidDataException">It is missing, or its bytes are not those that its name says; which one, and what was
    /// found.</exception>
    public abstract Task<T[]> ReadAsync<T>(string sha256, CancellationToken cancellationToken)
        where T : unmanaged;

    /// <param name="tokens">One of the sets that <paramref name="manifest"/> names.</param>
    /// <exception cref="InvalidDataException">An object is missing or damaged, or not what the manifest says; which one.</exception>
    public async Task<TokenSet> ReadSetAsync(DataManifest manifest, StoredTokens tokens, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(tokens);
        var name = NameOf(tokens.Sha256);
        var ids = await ReadAsync<ushort>(tokens.Sha256, cancellationToken).ConfigureAwait(false);
        var starts = await ReadAsync<long>(tokens.DocumentStartsSha256, cancellationToken).ConfigureAwait(false);
        var tokenBytes = manifest.TokenBytesSha256 is { } sha256
            ? await ReadAsync<int>(sha256, cancellationToken).ConfigureAwait(false)
            : StoredTokenSets.TokenBytesOf(manifest.Tokenizer);
        if (
            tokens.ElementType != "uint16"
            || ids.Length != tokens.Tokens
            || starts.Length != tokens.Documents
            || tokenBytes?.Length != manifest.VocabSize
        )
        {
            throw new InvalidDataException(
                $"'{name}' has {ids.Length} tokens in {starts.Length} documents over {tokenBytes?.Length} ids; its manifest says "
                    + $"{tokens.Tokens} of {tokens.ElementType} in {tokens.Documents} over {manifest.VocabSize}."
            );
        }

        CheckIds(name, ids, manifest.VocabSize);
        try
        {
            return new ArrayTokenSet(ids, starts, tokenBytes);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"'{name}' holds no token set: {e.Message}", e);
        }
    }

    /// <summary>For messages.</summary>
    protected virtual string NameOf(string sha256) => DataPaths.Of(sha256);

    protected virtual InvalidDataException Damaged(string sha256, string found) => StoredTokenSets.Damaged(sha256, found);

    /// <param name="content">The object, to be read from its start to its end.</param>
    protected async Task<T[]> ReadAsync<T>(Stream content, string sha256, CancellationToken cancellationToken)
        where T : unmanaged
    {
        var size = Marshal.SizeOf<T>();
        var length = content.Length;
        if (length / size > Array.MaxLength)
        {
            throw new InvalidDataException(
                $"'{NameOf(sha256)}' has {length} bytes: more than {Array.MaxLength} numbers of {size} bytes are not held in memory."
            );
        }

        var values = GC.AllocateUninitializedArray<T>((int)(length / size));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[Math.Min(BlockBytes, Math.Max(1, length))];
        long position = 0;
        int read;
        while (
            position < length
            && (
                read = await content
                    .ReadAsync(block.AsMemory(0, (int)Math.Min(block.Length, length - position)), cancellationToken)
                    .ConfigureAwait(false)
            ) > 0
        )
        {
            // The private block first, then the hash of what is in it: the file is not looked at again.
            hash.AppendData(block, 0, read);
            Keep(values, position, block.AsSpan(0, read));
            position += read;
        }

        var found = Convert.ToHexStringLower(hash.GetCurrentHash());
        return found == sha256 && length % size == 0 ? values : throw Damaged(sha256, found);
    }

    /// <summary>Bytes beyond the last whole number are hashed, and then refused.</summary>
    private static void Keep<T>(T[] values, long position, ReadOnlySpan<byte> bytes)
        where T : unmanaged
    {
        var into = MemoryMarshal.Cast<T, byte>(values.AsSpan(Math.Min(values.Length, (int)(position / Marshal.SizeOf<T>()))));
        var offset = (int)(position % Marshal.SizeOf<T>());
        into = into.Length > offset ? into[offset..] : default;
        bytes[..Math.Min(bytes.Length, into.Length)].CopyTo(into);
    }

    /// <exception cref="InvalidDataException">An id is none of the vocabulary: the model has no row for it.</exception>
    public static void CheckIds(string name, ushort[] ids, int vocabSize)
    {
        if (vocabSize <= ushort.MaxValue && ids.AsSpan().IndexOfAnyInRange((ushort)vocabSize, ushort.MaxValue) is >= 0 and var at)
        {
            throw new InvalidDataException(
                $"'{name}' is not valid data: token {at} has the id {ids[at]}, the vocabulary of its manifest only the ids 0 to {vocabSize - 1}. "
                    + "Its bytes are as they were uploaded, so the data was made wrongly: prepare it again, and submit the run under another name."
            );
        }
    }
}
