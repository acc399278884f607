namespace Slowrun.Data.Inputs;

/// <summary>Recognizes a file's kind by its first bytes.</summary>
internal static class FileMark
{
    public const string Gzip = "gzip";
    public const string Zstd = "zstd";

    /// <summary>Bytes that must be looked at.</summary>
    public const int Length = 10;

    private static readonly (byte[] Begin, string Name)[] NotRead =
    [
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz"),
        ([(byte)'P', (byte)'K', 3, 4], "a zip archive"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive"),
        ([0x04, 0x22, 0x4D, 0x18], "lz4"),
        ([0x1F, 0x9D], "compress (.Z)"),
        ([0xFF, 0xFE], "UTF-16 text"),
        ([0xFE, 0xFF], "UTF-16 text"),
    ];

    /// <returns><see cref="Gzip"/>, <see cref="Zstd"/>, or null.</returns>
    public static string? Compression(ReadOnlySpan<byte> front) =>
        front switch
        {
            [0x1F, 0x8B, ..] => Gzip,
            // A frame, or one to be skipped, with which parallel compressors begin.
            [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] => Zstd,
            _ => null,
        };

    /// <returns>The name of something that is no text and is not read here; null where it may be fine.</returns>
    public static string? Unsupported(ReadOnlySpan<byte> front)
    {
        // "BZh" alone might begin a text; with the mark of a block it is bzip2.
        if (
            front
            is [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
                or [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..]
        )
        {
            return "bzip2";
        }

        foreach (var (begin, name) in NotRead)
        {
            if (front.StartsWith(begin))
            {
                return name;
            }
        }

        return null;
    }

    /// <returns>The compression that a file's name promises; null where it promises none.</returns>
    public static string? Promised(string path) =>
        Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".gz" => Gzip,
            ".zst" => Zstd,
            _ => null,
        };
}
