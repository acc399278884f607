using System.IO.Compression;
using System.Security.Cryptography;
using Slowrun.Client.Corpus;
using Slowrun.Storage;
using ZstdSharp;

namespace Slowrun.Client.Inputs;

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
    /// <param name="read">Told of every stretch of bytes, as they lie in the file.</param>
    /// <exception cref="CorpusException">It cannot be read.</exception>
    public static InputContent Open(InputFile file, Stream standardInput, Action<long> read)
    {
        InputContent? content = null;
        var hash = file.IsStandardInput ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        var raw = new HashingReadStream(file.IsStandardInput ? standardInput : OpenFile(file.Path), bytes =>
        {
            hash?.AppendData(bytes);
            read(bytes.Length);
            if (content is not null)
            {
                content.LengthRead += bytes.Length;
            }
        });
        var front = new PeekedStream(raw, 4);
        content = front.Front switch
        {
            // Notices a file that was cut off only with the switch in Directory.Build.props.
            [0x1F, 0x8B, ..] => new InputContent(raw, hash, new DecompressedStream(new GZipStream(front, CompressionMode.Decompress))),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => new InputContent(raw, hash, new DecompressedStream(new DecompressionStream(front, bufferSize: 1 << 17, checkEndOfStream: true, leaveOpen: false))),
            _ => new InputContent(raw, hash, front) { IsPlain = true },
        };
        content.LengthRead = front.Front.Length;
        return content;
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

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1 << 17, FileOptions.SequentialScan);
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
