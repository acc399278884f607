using System.Security.Cryptography;
using Slowrun.Data.Corpus;
using Slowrun.Storage;
using ZstdSharp;

namespace Slowrun.Data.Inputs;

/// <summary>The bytes of an input file, decompressed if they are compressed, whatever its name.</summary>
internal sealed class InputContent : IDisposable
{
    private readonly IncrementalHash? hash;
    private readonly Stream raw;
    private string? spilled;

    private InputContent(Stream raw, IncrementalHash? hash, Stream stream) => (this.raw, this.hash, Stream) = (raw, hash, stream);

    /// <summary>Forward only.</summary>
    public Stream Stream { get; }

    /// <summary>Whether <see cref="Stream"/> has the file's own bytes.</summary>
    public bool IsPlain { get; private init; }

    /// <summary>Bytes read of the file.</summary>
    public long LengthRead { get; private set; }

    /// <param name="standardInput">What <c>-</c> means.</param>
    /// <param name="read">Called with the number of bytes of each read of the file.</param>
    /// <exception cref="CorpusException">It cannot be read.</exception>
    public static InputContent Open(InputFile file, Stream standardInput, Action<long> read)
    {
        InputContent? content = null;
        long length = 0;
        var hash = file.IsStandardInput ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        var raw = new HashingReadStream(
            file.IsStandardInput ? standardInput : OpenFile(file.Path),
            bytes =>
            {
                hash?.AppendData(bytes);
                read(bytes.Length);
                if (content is null)
                {
                    length += bytes.Length;
                }
                else
                {
                    content.LengthRead += bytes.Length;
                }
            }
        );
        try
        {
            var front = new PeekedStream(raw, FileMark.Length);
            var compression = FileMark.Compression(front.Front);
            Check(file, front.Front, compression);
            Stream? decompressed = compression switch
            {
                FileMark.Gzip => new GzipMembers(front),
                FileMark.Zstd => new DecompressedStream(
                    new DecompressionStream(front, bufferSize: 1 << 17, checkEndOfStream: true, leaveOpen: false),
                    () => content?.LengthRead ?? length
                ),
                _ => null,
            };
            content = new InputContent(raw, hash, decompressed is null ? front : Inner(file, decompressed, compression!))
            {
                IsPlain = decompressed is null,
            };
            content.LengthRead += length;
            return content;
        }
        catch
        {
            raw.Dispose();
            hash?.Dispose();
            throw;
        }
    }

    /// <summary>A file with the same content, for readers that must seek in it; gone when this is disposed.</summary>
    public string SeekablePath(InputFile file)
    {
        if (IsPlain && !file.IsStandardInput)
        {
            return file.Path;
        }

        spilled = Directory.CreateTempSubdirectory("slowrun-input-").FullName;
        var path = Path.Combine(spilled, "content");
        using var copy = File.Create(path);
        Stream.CopyTo(copy);
        return path;
    }

    /// <summary>Reads what the file has behind its content, so that its hash and length are of the whole.</summary>
    public void Drain() => raw.CopyTo(Stream.Null);

    /// <summary>SHA-256 of standard input, which has been read to its end.</summary>
    public string? Sha256() => hash is null ? null : Convert.ToHexStringLower(hash.GetCurrentHash());

    public void Dispose()
    {
        Stream.Dispose();
        raw.Dispose();
        hash?.Dispose();
        if (spilled is not null)
        {
            Directory.Delete(spilled, recursive: true);
        }
    }

    private static void Check(InputFile file, ReadOnlySpan<byte> front, string? compression)
    {
        if (FileMark.Unsupported(front) is { } unsupported)
        {
            throw new CorpusException(
                unsupported.StartsWith("UTF", StringComparison.Ordinal)
                    ? $"'{file.Path}' is {unsupported}, by its first bytes; text is read as UTF-8. Convert it, for example with iconv."
                    : $"'{file.Path}' is {unsupported}, by its first bytes, which is not supported. Unpack it, or compress it with gzip or zstd."
            );
        }

        if (FileMark.Promised(file.Path) is { } promised && promised != compression)
        {
            throw new CorpusException(
                $"'{file.Path}' is called {promised}, and {(front.IsEmpty ? "is empty" : compression is null ? $"does not begin as {promised} does" : $"is {compression}")}: it is damaged, or has a wrong name. Fetch it again, or rename it."
            );
        }
    }

    /// <summary>What was compressed twice would be taken for bad rows or bad text.</summary>
    private static PeekedStream Inner(InputFile file, Stream decompressed, string compression)
    {
        var inner = new PeekedStream(decompressed, FileMark.Length);
        return (FileMark.Compression(inner.Front) ?? FileMark.Unsupported(inner.Front)) is { } again
            ? throw new CorpusException(
                $"'{file.Path}' holds {again} within {compression}. Unpack it once, or convert what is in it to UTF-8."
            )
            : inner;
    }

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(
                path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 1 << 17,
                FileOptions.SequentialScan
            );
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CorpusException($"'{path}' is no longer there.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"'{path}' cannot be opened by this user. Change its permissions, or leave it out.");
        }
    }
}
