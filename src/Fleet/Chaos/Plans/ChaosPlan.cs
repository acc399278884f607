using Slowrun.Core.Randomness;

namespace Slowrun.Fleet.Chaos.Plans;

/// <summary>The disturbances of a fleet: a function of the seed, so that a failed run can be repeated.</summary>
public static class ChaosPlan
{
    private const int Resolution = 1 << 20;
    private const int LongestStartMilliseconds = 3000;

    // Azure gives 30 s at best, often under 10, maybe none. A small stage uses no more of 30 s than of 10; of 3 s the silo's margin leaves
    // it one.
    private static readonly int[] NoticeSeconds = [10, 5, 3, 0];

    // Moments by the silo's names: how often at most each is passed before it is used, and how often it is chosen.
    private static readonly Moment[] Moments =
    [
        new("start-up", null, LongestStartMilliseconds, 2),
        new("take", "take", 1, 1),
        new("restore", "restore", 1, 2),
        new("step", "step", 40, 4),
        new("checkpoint", "capture", 6, 2),
        new("checkpoint", "upload", 6, 2),
        new("commit", "commit", 6, 3),
        new("hand-over", "snapshot", 1, 1),
        new("hand-over", "finish", 1, 1),
        new("scoring", "score", 1, 1),
    ];

    private static readonly Moment[] Weighted = [.. Moments.SelectMany(moment => Enumerable.Repeat(moment, moment.Weight))];

    /// <summary>Losses of machines as a spot market makes them: independent of each other and of what a machine does, so many a time on
    /// average (Poisson).</summary>
    /// <param name="every">Mean time between two of them, of the whole fleet.</param>
    /// <param name="modes">Taken in turn.</param>
    public static IReadOnlyList<Disturbance> Every(TimeSpan every, int seed, int count, IReadOnlyList<ChaosMode> modes)
    {
        var at = 0.0;
        return
        [
            .. Of(seed, count, modes)
                .Select(
                    (planned, i) =>
                    {
                        at -= Math.Log(1 - (Below(seed, i, "gap", Resolution) / (double)Resolution)) * every.TotalSeconds;
                        return planned with
                        {
                            Phase = "any time",
                            Point = null,
                            Count = 0,
                            AtSeconds = at,
                            Victim = Below(seed, i, "victim", Resolution),
                        };
                    }
                ),
        ];
    }

    /// <param name="modes">Taken in turn, so that each comes as often as the others.</param>
    public static IReadOnlyList<Disturbance> Of(int seed, int count, IReadOnlyList<ChaosMode> modes)
    {
        ArgumentNullException.ThrowIfNull(modes);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i =>
                {
                    var moment = Weighted[Below(seed, i, "moment", Weighted.Length)];
                    var mode = modes[i % modes.Count];
                    var notice = mode == ChaosMode.Notice ? NoticeSeconds[Below(seed, i, "notice", NoticeSeconds.Length)] : 0;
                    return new Disturbance(i + 1, mode, moment.Phase, moment.Point, 1 + Below(seed, i, "count", moment.Most), notice);
                }),
        ];
    }

    private static int Below(int seed, int i, string what, int bound) => (int)(Seeds.Derive(seed, $"chaos {what}", i) % bound);

    private sealed record Moment(string Phase, string? Point, int Most, int Weight);
}
