using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>A token set read from a memory-mapped file: any number of stages and processes share the machine's one copy of it.</summary>
public sealed class MappedTokenSet : TokenSet
{
    private const int PieceTokens = 1 << 14;

    // What was verified once is not hashed again in this process, as long as the file is that one.
    private static readonly ConcurrentDictionary<(string Path, string Sha256, long LengthBytes, DateTime ModifiedAt), bool> Verified = new();

    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;

    private MappedTokenSet(FileStream stream, long[] starts, int[] tokenBytes)
    {
        Length = stream.Length / sizeof(ushort);
        DocumentStarts = starts;
        TokenBytes = tokenBytes;
        if (Length == 0)
        {
            // There is no map of nothing.
            stream.Dispose();
            return;
        }

        // The stream stays open with the map, and with it the shared lock by which a cache knows that the file is in use.
        file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    public override long Length { get; }

    public override IReadOnlyList<long> DocumentStarts { get; }

    public override IReadOnlyList<int> TokenBytes { get; }

    public override void Read(long start, Span<int> into)
    {
        if (start < 0 || start + into.Length > Length)
        {
            throw new ArgumentOutOfRangeException(nameof(start), start, $"Tokens {start} to {start + into.Length} of {Length} do not exist.");
        }

        Span<ushort> ids = stackalloc ushort[Math.Min(into.Length, PieceTokens)];
        for (var done = 0; done < into.Length;)
        {
            var piece = ids[..Math.Min(ids.Length, into.Length - done)];
            view!.SafeMemoryMappedViewHandle.ReadSpan((ulong)(start + done) * sizeof(ushort), piece);
            for (var i = 0; i < piece.Length; i++)
            {
                into[done + i] = piece[i];
            }

            done += piece.Length;
        }
    }

    /// <param name="pathOf">Where the object of a hash lies.</param>
    /// <exception cref="InvalidDataException">A file is damaged or not what the manifest says; which one.</exception>
    internal static MappedTokenSet Open(DataManifest manifest, StoredTokens tokens, Func<string, string> pathOf)
    {
        var starts = MemoryMarshal.Cast<byte, long>(Small(pathOf(tokens.DocumentStartsSha256), tokens.DocumentStartsSha256)).ToArray();
        var tokenBytes = manifest.TokenBytesSha256 is { } sha256
            ? MemoryMarshal.Cast<byte, int>(Small(pathOf(sha256), sha256)).ToArray()
            : StoredTokenSets.TokenBytesOf(manifest.Tokenizer);
        var path = pathOf(tokens.Sha256);
        var stream = OpenShared(path);
        try
        {
            if (tokens.ElementType != "uint16" || stream.Length != tokens.Tokens * sizeof(ushort) || starts.Length != tokens.Documents || tokenBytes?.Length != manifest.VocabSize)
            {
                throw new InvalidDataException(
                    $"'{path}' has {stream.Length} bytes, {starts.Length} documents and {tokenBytes?.Length} ids; its manifest says "
                    + $"{tokens.Tokens} tokens of {tokens.ElementType} in {tokens.Documents} over {manifest.VocabSize}.");
            }

            CheckStarts(path, starts, tokens.Tokens);
            VerifyOnce(stream, path, tokens.Sha256, manifest.VocabSize);
            return new MappedTokenSet(stream, starts, tokenBytes);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>A reader's view of a file; while it is open, others know that it is.</summary>
    internal static FileStream OpenShared(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);

    private static byte[] Small(string path, string sha256)
    {
        var content = File.ReadAllBytes(path);
        Expect(path, SHA256.HashData(content), sha256);
        return content;
    }

    private static void CheckStarts(string path, long[] starts, long length)
    {
        for (var i = 0; i < starts.Length; i++)
        {
            if (i == 0 ? starts[0] != 0 : starts[i] <= starts[i - 1] || starts[i] >= length)
            {
                throw new InvalidDataException($"'{path}': document {i} of {length} tokens starts at {starts[i]}; starts ascend from 0.");
            }
        }

        if ((starts.Length == 0) != (length == 0))
        {
            throw new InvalidDataException($"'{path}': {length} tokens cannot lie in {starts.Length} documents.");
        }
    }

    private static void VerifyOnce(FileStream stream, string path, string sha256, int vocabSize)
    {
        var key = (Path.GetFullPath(path), sha256, stream.Length, File.GetLastWriteTimeUtc(path));
        if (Verified.ContainsKey(key))
        {
            return;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[1 << 20];
        long position = 0;
        int read;
        while ((read = RandomAccess.Read(stream.SafeFileHandle, block, position)) > 0)
        {
            hash.AppendData(block, 0, read);
            foreach (var id in MemoryMarshal.Cast<byte, ushort>(block.AsSpan(0, read & ~1)))
            {
                if (id >= vocabSize)
                {
                    throw new InvalidDataException($"'{path}' has a token of id {id}, its vocabulary only {vocabSize} ids.");
                }
            }

            position += read;
        }

        Expect(path, hash.GetCurrentHash(), sha256);
        Verified[key] = true;
    }

    private static void Expect(string path, byte[] found, string sha256)
    {
        if (Convert.ToHexStringLower(found) != sha256)
        {
            throw new InvalidDataException($"'{path}' is damaged: its SHA-256 is {Convert.ToHexStringLower(found)}, expected {sha256}.");
        }
    }
}
