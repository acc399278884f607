using System.Diagnostics.Metrics;

namespace Slowrun.Storage;

/// <summary>Counts a store's operations: cloud stores are paid by the operation.</summary>
public static class StoreMeter
{
    public const string Name = "Slowrun.Storage";

    private static readonly Meter Meter = new(Name);

    internal static Counter<long> Operations { get; } =
        Meter.CreateCounter<long>("slowrun.store.operations", "{operation}", "Requests sent to a cloud store, retries among them.");

    internal static Counter<long> Retries { get; } =
        Meter.CreateCounter<long>("slowrun.store.retries", "{operation}", "Requests to a cloud store that were sent again.");

    internal static Counter<long> Errors { get; } =
        Meter.CreateCounter<long>("slowrun.store.errors", "{error}", "Operations of a silo's store that failed, after all retries.");
}
