using System.Runtime.CompilerServices;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>Finds scores by their snapshot: a run of hundreds of stages is asked for all of them at each look. Kept with the list as long
/// as that lives.</summary>
internal static class ScoreIndex
{
    private static readonly ConditionalWeakTable<IReadOnlyList<MemberScore>, Entry> Known = [];

    /// <summary>The snapshot's score; where there are several, always the same one.</summary>
    public static MemberScore? Of(IReadOnlyList<MemberScore> scores, string snapshotSha256)
    {
        if (!Known.TryGetValue(scores, out var entry) || entry.Count != scores.Count)
        {
            entry = new Entry(
                scores.Count,
                scores
                    .GroupBy(score => score.SnapshotSha256, StringComparer.Ordinal)
                    .ToDictionary(
                        same => same.Key,
                        same => same.MinBy(score => score.NumericsFingerprint, StringComparer.Ordinal)!,
                        StringComparer.Ordinal
                    )
            );
            Known.AddOrUpdate(scores, entry);
        }

        return entry.BySnapshot.GetValueOrDefault(snapshotSha256);
    }

    /// <param name="Count">A list that has grown since is read again.</param>
    private sealed record Entry(int Count, IReadOnlyDictionary<string, MemberScore> BySnapshot);
}
