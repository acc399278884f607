using System.Globalization;

namespace Slowrun.Core;

/// <summary>Finds the known name that a misspelt one was probably meant to be.</summary>
public static class Nearest
{
    /// <summary>The closest of <paramref name="known"/>; null where none is close enough to be worth proposing.</summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);

        // A third of the letters: 'epoch' is proposed for 'epochs', but 'rows' is not for 'seed'.
        var limit = Math.Max(1, word.Length / 3);
        return known
            .Select(name => (Name: name, Distance: Distance(word.ToLowerInvariant(), name.ToLowerInvariant())))
            .Where(candidate => candidate.Distance <= limit || IsPart(word, candidate.Name))
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>Those of <paramref name="known"/> that are most like it, the closest first: all where they are few.</summary>
    public static IReadOnlyList<string> Of(string word, IEnumerable<string> known, int most = 5) =>
        [
            .. known
                .OrderBy(name => IsPart(word, name) ? 0 : 1)
                .ThenBy(name => Distance(word.ToLowerInvariant(), name.ToLowerInvariant()))
                .ThenBy(name => name, StringComparer.Ordinal)
                .Take(most),
        ];

    /// <summary>The end of a message that lists what there is: all, or those most like the word and how many more.</summary>
    public static string Listed(string word, IReadOnlyCollection<string> known, int most = 5) =>
        known.Count <= most
            ? string.Join(", ", known)
            : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", Of(word, known, most))} and {known.Count - most} more");

    /// <summary>The end of a message: <c> Did you mean 'demo'?</c>, or nothing.</summary>
    public static string Hint(string word, IEnumerable<string> known) => To(word, known) is { } name ? $" Did you mean '{name}'?" : "";

    private static bool IsPart(string word, string name) =>
        word.Length >= 3
        && (name.Contains(word, StringComparison.OrdinalIgnoreCase) || word.Contains(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.</summary>
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            d[i, 0] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            d[0, j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
