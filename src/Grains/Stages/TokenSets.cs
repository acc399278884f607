using System.Collections.Concurrent;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Grains.Stages;

/// <summary>Token sets of this silo, opened once, verified, and shared by its stages.</summary>
internal sealed class TokenSets(IObjectStore store)
{
    private readonly ConcurrentDictionary<string, Lazy<Task<LoadedData>>> loaded = new(StringComparer.Ordinal);

    /// <param name="sha256">Of the data manifest, as the recipe names it.</param>
    /// <exception cref="InvalidDataException">Missing or damaged; the next call tries again.</exception>
    public async Task<LoadedData> GetAsync(string sha256, CancellationToken cancellationToken)
    {
        var entry = loaded.GetOrAdd(sha256, key => new(() => LoadAsync(key)));
        try
        {
            return await entry.Value.WaitAsync(cancellationToken);
        }
        catch when (entry.Value.IsFaulted)
        {
            loaded.TryRemove(KeyValuePair.Create(sha256, entry));
            throw;
        }
    }

    private async Task<LoadedData> LoadAsync(string sha256)
    {
        var sets = new LocalTokenSets(store);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256);
        return new LoadedData(
            manifest,
            await sets.ReadAsync(manifest, manifest.Train),
            manifest.Fitness is null ? null : await sets.ReadAsync(manifest, manifest.Fitness),
            manifest.Validation is null ? null : await sets.ReadAsync(manifest, manifest.Validation));
    }
}

internal sealed record LoadedData(DataManifest Manifest, TokenSet Train, TokenSet? Fitness, TokenSet? Validation);
