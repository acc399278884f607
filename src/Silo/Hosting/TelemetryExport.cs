using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Slowrun.Clustering.Membership;
using Slowrun.Grains.Telemetry;
using Slowrun.Silo.Http;
using Slowrun.Storage;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// Exports metrics and traces: to a collector where OpenTelemetry's own variables name one, and metrics at the HTTP port. Without either
/// nothing is collected.
/// </summary>
internal static class TelemetryExport
{
    private const string Runtime = "System.Runtime";
    private const string Orleans = "Microsoft.Orleans";
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Metrics = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    private const string Traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    /// <exception cref="FormatException">A variable holds no address.</exception>
    public static void AddTelemetry(this IServiceCollection services, string siloName, HttpSettings? http)
    {
        var (metrics, traces) = (Names(Endpoint) || Names(Metrics), Names(Endpoint) || Names(Traces));
        if (http is null && !metrics && !traces)
        {
            return;
        }

        var telemetry = services
            .AddOpenTelemetry()
            .ConfigureResource(resource =>
                resource
                    .AddService(
                        "slowrun",
                        serviceVersion: typeof(TelemetryExport).Assembly.GetName().Version?.ToString(),
                        serviceInstanceId: siloName
                    )
                    // Given by the user, they win.
                    .AddEnvironmentVariableDetector()
            );
        if (http is not null || metrics)
        {
            telemetry.WithMetrics(meters =>
            {
                meters.AddMeter(Instruments.Name, StoreMeter.Name, ClusterMeter.Name, Runtime, Orleans).AddView(View);
                if (metrics)
                {
                    meters.AddOtlpExporter();
                }

                if (http is not null)
                {
                    meters.AddPrometheusExporter();
                }
            });
        }

        if (traces)
        {
            telemetry.WithTracing(tracing => AddSources(tracing).AddOtlpExporter());
        }
    }

    /// <summary>Ours, and Orleans' own: what it reads and writes for grains, and how they come and go.</summary>
    internal static TracerProviderBuilder AddSources(TracerProviderBuilder tracing) =>
        tracing.AddSource(Instruments.Name, "Microsoft.Orleans.*");

    private static MetricStreamConfiguration? View(Instrument instrument) =>
        instrument.Meter.Name switch
        {
            // Gauges of .NET whose names Prometheus takes for a histogram's.
            Runtime when instrument.Name.EndsWith(".count", StringComparison.Ordinal) => MetricStreamConfiguration.Drop,
            Orleans => new MetricStreamConfiguration
            {
                // They have none.
                Description = $"Orleans' own instrument {instrument.Name}.",
                // Both name silos. Silos come and go, and each would leave its series behind.
                TagKeys =
                    instrument.Name.StartsWith("orleans-messaging-pings-", StringComparison.Ordinal) ? []
                    : instrument.Name.EndsWith("-messages-size", StringComparison.Ordinal) ? ["ConnectionDirection"]
                    : null,
            },
            _ => null,
        };

    /// <summary>Checked here, since OpenTelemetry itself would silently export nothing.</summary>
    private static bool Names(string variable)
    {
        var text = Environment.GetEnvironmentVariable(variable);
        return text is { Length: > 0 }
            && (
                Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
                    ? true
                    : throw new FormatException(
                        $"{variable} is '{text}'; expected a collector's address, for example http://127.0.0.1:4317."
                    )
            );
    }
}
