using System.Diagnostics.Metrics;

namespace Slowrun.Clustering.Membership;

/// <summary>How long this silo's heartbeats take: all silos of a store write them into one place.</summary>
public static class ClusterMeter
{
    public const string Name = "Slowrun.Clustering";

    private static readonly Meter Meter = new(Name);

    internal static Histogram<double> Heartbeat { get; } =
        Meter.CreateHistogram(
            "slowrun.silo.heartbeat.duration",
            "s",
            "A heartbeat in the membership, from its beginning until it is written, retries among it.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30] }
        );
}
