using Slowrun.Data.Corpus;

namespace Slowrun.Data.Preparation;

/// <summary>How much of one set stands in another, word for word.</summary>
/// <param name="Windows">Stretches of <see cref="TextWindows.LengthBytes"/> bytes that were looked for.</param>
/// <param name="SampledOneIn">Of so many stretches one was looked for, chosen by hash: the same ones wherever they stand.</param>
public sealed record Overlap(double Share, long Windows, int SampledOneIn)
{
    // About 16 bytes each in memory.
    private const long MostWindows = 8_000_000;

    public static Overlap Measure(DecodedDocuments held, DecodedDocuments train, CancellationToken stop)
    {
        long all = 0;
        for (var d = 0; d < held.Count; d++)
        {
            all += TextWindows.CountIn(held[d]);
        }

        var oneIn = (int)(1 + (all / MostWindows));
        // How often each stretch stands in the held-out set, and with a negative sign: in training too.
        var counts = new Dictionary<ulong, long>();
        Each(held, oneIn, hash => counts[hash] = counts.GetValueOrDefault(hash) + 1, stop);
        var windows = counts.Values.Sum();
        Each(
            train,
            oneIn,
            hash =>
            {
                if (counts.TryGetValue(hash, out var count) && count > 0)
                {
                    counts[hash] = -count;
                }
            },
            stop
        );
        var shared = -counts.Values.Where(count => count < 0).Sum();
        return new Overlap(windows == 0 ? 0 : (double)shared / windows, windows, oneIn);
    }

    public override string ToString() =>
        FormattableString.Invariant(
            $"overlap: {100 * Share:0.00} % of validation's {TextWindows.LengthBytes}-byte stretches stand in training too ({Windows} looked for"
        ) + (SampledOneIn == 1 ? ")" : FormattableString.Invariant($", one in {SampledOneIn})"));

    private static void Each(DecodedDocuments documents, int oneIn, Action<ulong> found, CancellationToken stop)
    {
        for (var d = 0; d < documents.Count; d++)
        {
            stop.ThrowIfCancellationRequested();
            foreach (var hash in TextWindows.Hashes(documents[d]))
            {
                if (hash % (ulong)oneIn == 0)
                {
                    found(hash);
                }
            }
        }
    }
}
