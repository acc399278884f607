using System.Diagnostics.Metrics;

namespace Slowrun.Storage;

/// <summary>Counts what a store costs: cloud stores are paid by the operation.</summary>
public static class StoreMeter
{
    public const string Name = "Slowrun.Storage";

    private static readonly Meter Meter = new(Name);

    /// <summary>Requests sent to a cloud store, retries among them.</summary>
    internal static Counter<long> Operations { get; } = Meter.CreateCounter<long>("slowrun.store.operations", "{operation}");

    /// <summary>Requests sent again because the one before had failed.</summary>
    internal static Counter<long> Retries { get; } = Meter.CreateCounter<long>("slowrun.store.retries", "{operation}");
}
