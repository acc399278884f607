using System.Security.Cryptography;
using System.Text;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>Where the state of a grain lies in the store.</summary>
public static class GrainObjectNames
{
    private const string Plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    /// <summary>What a segment may have; the store allows 200 characters.</summary>
    private const int LongestSegment = 180;

    /// <summary>
    /// A stage's state <c>root</c> is <c>runs/RUN/chain0/stage1/root</c>, the document that silos and clients read, where its grain's key
    /// is <c>RUN/chain0/stage1</c>; any other grain's is <c>grains/TYPE/KEY/STATE</c>.
    /// </summary>
    public static string Default(string stateName, GrainId grain) =>
        grain.Type.ToString() == "stage"
            ? $"runs/{grain.Key}/{stateName}"
            : $"grains/{Segment(grain.Type.ToString()!)}/{Segment(grain.Key.ToString()!)}/{Segment(stateName)}";

    /// <summary>
    /// One segment of a name for any text, another for every other text: bytes that a name may not have become <c>@XX</c>, a long text ends
    /// with its hash.
    /// </summary>
    private static string Segment(string text)
    {
        var escaped = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            var isPlain = Plain.Contains((char)b, StringComparison.Ordinal) || (b == '.' && escaped.Length > 0);
            escaped = isPlain
                ? escaped.Append((char)b)
                : escaped.Append('@').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        if (escaped.Length > LongestSegment)
        {
            // Two '@' in a row come from here only.
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
            return $"{escaped.ToString(0, LongestSegment - hash.Length - 2)}@@{hash}";
        }

        // Likewise one at the end, which keeps an empty text and one that ends with a dot from being no segment.
        return ObjectNames.IsSegment(escaped.ToString()) ? escaped.ToString() : escaped.Append('@').ToString();
    }
}
