using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>The names of a <see cref="DataManifest"/>'s objects in a directory of prepared data.</summary>
internal static class DataFiles
{
    public const string Manifest = "manifest.json";
    public const string TokenBytes = "token-bytes";

    public const string Train = "train";
    public const string Fitness = "fitness";
    public const string Validation = "validation";

    public static string Tokens(string set) => $"{set}.tokens";

    public static string Documents(string set) => $"{set}.documents";

    /// <summary>Every file but the manifest, with the SHA-256 and the length that the manifest gives it.</summary>
    public static IEnumerable<(string Name, string Sha256, long LengthBytes)> Of(DataManifest manifest)
    {
        foreach (var (set, tokens) in new[] { (Train, manifest.Train), (Fitness, manifest.Fitness), (Validation, manifest.Validation) })
        {
            if (tokens is not null)
            {
                yield return (Tokens(set), tokens.Sha256, tokens.Tokens * sizeof(ushort));
                yield return (Documents(set), tokens.DocumentStartsSha256, (long)tokens.Documents * sizeof(long));
            }
        }

        if (manifest.TokenBytesSha256 is { } sha256)
        {
            yield return (TokenBytes, sha256, (long)manifest.VocabSize * sizeof(int));
        }
    }
}
