using System.Buffers.Text;
using System.Globalization;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Data.Tokenizers;

/// <summary>GPT-2's 50,256 byte pairs in the order in which they are merged (r50k_base), from a package of
/// Microsoft.ML.Tokenizers.</summary>
internal static class Gpt2Vocabulary
{
    /// <summary>Of the file as OpenAI publishes it; tiktoken's openai_public.py checks the same.</summary>
    public const string Sha256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930";

    public const int Count = 50_256;

    private const string Package = "Microsoft.ML.Tokenizers.Data.R50kBase";
    private const string Resource = "r50k_base.tiktoken.deflate";

    /// <summary>The published file: a line for each token, its bytes in base64 and its id.</summary>
    public static byte[] File()
    {
        // The package has no public type: it is there for its resource.
        using var resource =
            Assembly.Load(Package).GetManifestResourceStream(Resource) ?? throw new InvalidDataException(
                $"The package {Package} has no '{Resource}'. Restore the packages that belong to this version."
            );
        using var lines = new StreamReader(new DeflateStream(resource, CompressionMode.Decompress), Encoding.ASCII);
        var file = new StringBuilder();
        var id = 0;
        while (lines.ReadLine() is { } line)
        {
            // The package leaves out the ids, which count up, and has a line with their number before them.
            if (!line.StartsWith("Capacity:", StringComparison.Ordinal))
            {
                file.Append(line).Append(' ').Append(id++).Append('\n');
            }
        }

        var bytes = Encoding.ASCII.GetBytes(file.ToString());
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        return sha256 == Sha256
            ? bytes
            : throw new InvalidDataException(
                $"GPT-2's vocabulary in the package {Package} has SHA-256 {sha256}, expected {Sha256}. Restore the packages that belong to this version."
            );
    }

    /// <returns>Each token's bytes, by id.</returns>
    public static byte[][] Parse(ReadOnlySpan<byte> file)
    {
        var tokens = new byte[Count][];
        foreach (var range in file.Split((byte)'\n'))
        {
            var line = file[range];
            var space = line.IndexOf((byte)' ');
            if (space > 0)
            {
                var token = new byte[Base64.GetMaxDecodedFromUtf8Length(space)];
                Base64.DecodeFromUtf8(line[..space], token, out _, out var length);
                tokens[int.Parse(line[(space + 1)..], CultureInfo.InvariantCulture)] = token[..length];
            }
        }

        return tokens;
    }

    /// <summary>Bytes as characters of the same numbers, so that they can be a key.</summary>
    public static string Key(ReadOnlySpan<byte> token) => Encoding.Latin1.GetString(token);
}
