using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>A store in memory that takes as long as a storage account, and counts.</summary>
/// <param name="latency">Of an operation, on average.</param>
internal sealed class CloudStore(IObjectStore inner, TimeSpan latency, Random random, TimeProvider time) : DelegatingStore(inner)
{
    /// <summary>Operations by kind and what they are of.</summary>
    public Dictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    public long Total => Counts.Values.Sum();

    /// <summary>An operation of something that is not an object here.</summary>
    public Task OtherAsync(string what) => AroundAsync(new Operation(what, ""), () => Task.FromResult(true));

    protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
    {
        var what = $"{operation.Kind} {KindOf(operation.Name)}";
        Counts[what] = Counts.GetValueOrDefault(what) + 1;
        // Half as long to one and a half times as long.
        await Task.Delay(latency * (0.5 + random.NextDouble()), time);
        return await run();
    }

    private static string KindOf(string name) =>
        name.StartsWith("runs/", StringComparison.Ordinal) ? name[(name.LastIndexOf('/') + 1)..] : name;
}
