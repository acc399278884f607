using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Data.Preparation;

namespace Slowrun.Client.Display;

/// <summary>What a preparation made, and where every byte of its input went.</summary>
internal static class PreparedText
{
    public static IEnumerable<string> Sets(PreparedDirectory prepared) =>
        SetsOf(prepared.Manifest)
            .Select(set =>
                $"{set.Name}: {Human.Count(set.Tokens.Tokens)} tokens ({prepared.Manifest.Tokenizer}) in {Documents(set.Tokens.Documents)}, {Human.Count(prepared.TextBytes[set.Name])} bytes of text"
            );

    /// <summary>Those that there are, by the names that people read.</summary>
    public static IEnumerable<(string Name, StoredTokens Tokens)> SetsOf(DataManifest manifest) =>
        new[] { ("training", manifest.Train), ("fitness", manifest.Fitness), ("validation", manifest.Validation) }
            .Where(set => set.Item2 is not null)
            .Select(set => (set.Item1, set.Item2!));

    /// <summary>Of divided documents, and of what no set has.</summary>
    public static IEnumerable<string> Account(DataManifest manifest)
    {
        foreach (var document in manifest.Divided ?? [])
        {
            yield return $"divided: a document of '{document.Source}' goes on from {document.From} in {document.To}, after the end of a {document.At}";
        }

        foreach (var left in manifest.LeftOut ?? [])
        {
            yield return $"left out: {string.Join(" of ", new[] { left.Bytes is { } bytes ? $"{Human.Count(bytes)} bytes" : "", left.Count > 0 ? Human.Count(left.Count) : "" }.Where(part => part.Length > 0))}"
                + $"{(left.Bytes is null && left.Count == 0 ? "" : ": ")}{left.Reason}";
        }
    }

    private static string Documents(int count) => count == 1 ? "1 document" : $"{Human.Count(count)} documents";
}
