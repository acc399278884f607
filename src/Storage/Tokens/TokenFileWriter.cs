using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tokens;

/// <summary>Writes one token set to two files while it grows: ids as uint16, documents' first positions as int64, little endian.</summary>
public sealed class TokenFileWriter : IDisposable
{
    private readonly HashedFile tokens;
    private readonly HashedFile documents;
    private int documentCount;

    internal TokenFileWriter(string tokensPath, string documentsPath) =>
        (tokens, documents) = (new HashedFile(tokensPath), new HashedFile(documentsPath));

    /// <summary>Tokens written so far.</summary>
    public long Length { get; private set; }

    /// <summary>What is appended next begins a document.</summary>
    public void BeginDocument()
    {
        documents.Append(MemoryMarshal.AsBytes([Length]));
        documentCount++;
    }

    public void Append(ReadOnlySpan<ushort> ids)
    {
        tokens.Append(MemoryMarshal.AsBytes(ids));
        Length += ids.Length;
    }

    public void Dispose()
    {
        tokens.Dispose();
        documents.Dispose();
    }

    internal StoredTokens Finish() => new(tokens.Finish(), Length, documents.Finish(), documentCount);

    private sealed class HashedFile(string path) : IDisposable
    {
        private readonly FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 18);
        private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public void Append(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            file.Write(bytes);
        }

        public string Finish()
        {
            file.Flush();
            Posix.SyncFile(file.SafeFileHandle, path);
            return Convert.ToHexStringLower(hash.GetCurrentHash());
        }

        public void Dispose()
        {
            file.Dispose();
            hash.Dispose();
        }
    }
}
