using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Slowrun.Clustering.Membership;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>What an instrument says of itself, and what Prometheus makes of its name.</summary>
internal sealed record Metric(string Name, string Unit, string Description, bool IsCounter, bool IsHistogram)
{
    /// <summary>The collection of all tests that make instruments: a silo's end takes those of the same names from whoever listens in this
    /// process.</summary>
    public const string OneAtATime = "instruments";

    /// <summary>Of every instrument that a silo makes.</summary>
    public static IReadOnlyList<Metric> All { get; } = Listen();

    /// <summary>As the OpenTelemetry specification translates it: the unit in words, and the kind of a counter, at the end.</summary>
    public string Family
    {
        get
        {
            var unit = Unit switch
            {
                "s" => "_seconds",
                "By" => "_bytes",
                "1" or ['{', .., '}'] => "",
                _ when Unit.StartsWith('{') && Unit.EndsWith("}/s", StringComparison.Ordinal) => "_per_second",
                _ => throw new InvalidOperationException($"{Name} has the unit '{Unit}', which this test cannot translate."),
            };
            return Name.Replace('.', '_') + unit + (IsCounter ? "_total" : "");
        }
    }

    /// <summary>The names by which it can be asked for.</summary>
    public IReadOnlyList<string> Series => IsHistogram ? [$"{Family}_bucket", $"{Family}_sum", $"{Family}_count"] : [Family];

    private static List<Metric> Listen()
    {
        var all = new List<Metric>();
        RuntimeHelpers.RunClassConstructor(typeof(Instruments).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(StoreMeter).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(ClusterMeter).TypeHandle);
        using var slots = new SlotTable(["cpu:0"]);
        using var gauges = new SiloGauges(slots, new SlotSensors(), new StoreTroubles(new MemoryStore()), TimeProvider.System);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name is Instruments.Name or StoreMeter.Name or ClusterMeter.Name)
                {
                    all.Add(
                        new Metric(
                            instrument.Name,
                            instrument.Unit!,
                            instrument.Description!,
                            instrument is Counter<long>,
                            instrument is Histogram<double>
                        )
                    );
                }
            },
        };
        listener.Start();
        return [.. all.DistinctBy(metric => metric.Name).OrderBy(metric => metric.Name, StringComparer.Ordinal)];
    }
}
