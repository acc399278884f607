using Slowrun.Core.Efficiency;

namespace Slowrun.Storage.Runs;

/// <summary>A run's data efficiency as it was answered last. It can be asked for again at any time: nothing depends on it.</summary>
public sealed class RunEfficiency(IObjectStore store, string run)
{
    /// <returns>Null: it was not measured.</returns>
    /// <exception cref="InvalidDataException">The document is damaged; the message names it.</exception>
    public Task<EfficiencyReport?> TryReadAsync(CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<EfficiencyReport>(RunPaths.Efficiency(run), cancellationToken);

    /// <summary>Writes over what is there, whatever it is.</summary>
    public Task WriteAsync(EfficiencyReport report, CancellationToken cancellationToken = default)
    {
        var name = RunPaths.Efficiency(run);
        return store.WriteAsync(name, SealedJson.Serialize(name, report), cancellationToken);
    }
}
