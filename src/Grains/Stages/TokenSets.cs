using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Token sets of this silo: private copies, verified while they were read, and shared by its stages. A copy goes when no stage uses it and
/// another run's data was asked for since.
/// </summary>
internal sealed class TokenSets(IObjectStore store)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, WeakReference<LoadedData>> loaded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Task<LoadedData>> loading = new(StringComparer.Ordinal);

    // Kept, since between two stages of a run no stage uses its data.
    private LoadedData? newest;

    /// <summary>A run's data.</summary>
    /// <exception cref="InvalidDataException">Missing, damaged, or not for the recipe's model; the next call tries again.</exception>
    public async Task<LoadedData> GetAsync(Recipe recipe, CancellationToken cancellationToken)
    {
        var sha256 = recipe.Data.Sha256!;
        var data = await GetAsync(sha256).WaitAsync(cancellationToken);
        // Otherwise the first row with such an id fails in libtorch with "index out of range in self".
        return data.Manifest.VocabSize <= recipe.Model.VocabSize
            ? data
            : throw new InvalidDataException(
                $"The data '{DataPaths.Of(sha256)}' has a vocabulary of {data.Manifest.VocabSize} ids, the model only {recipe.Model.VocabSize} (model.vocabSize). "
                    + "Submit a run of another name, with a model of at least as many or with other data."
            );
    }

    private Task<LoadedData> GetAsync(string sha256)
    {
        lock (gate)
        {
            if (loaded.TryGetValue(sha256, out var known) && known.TryGetTarget(out var data))
            {
                newest = data;
                return Task.FromResult(data);
            }

            if (!loading.TryGetValue(sha256, out var task))
            {
                // Its end waits for this lock, so that it cannot come before the entry is there.
                loading[sha256] = task = Task.Run(() => LoadAsync(sha256));
            }

            return task;
        }
    }

    private async Task<LoadedData> LoadAsync(string sha256)
    {
        LoadedData? data = null;
        try
        {
            var sets = new LocalTokenSets(store);
            var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256);
            return data = new LoadedData(
                manifest,
                await sets.ReadAsync(manifest, manifest.Train),
                manifest.Fitness is null ? null : await sets.ReadAsync(manifest, manifest.Fitness),
                manifest.Validation is null ? null : await sets.ReadAsync(manifest, manifest.Validation)
            );
        }
        finally
        {
            lock (gate)
            {
                loading.Remove(sha256);
                if (data is not null)
                {
                    loaded[sha256] = new WeakReference<LoadedData>(newest = data);
                }
            }
        }
    }
}

internal sealed record LoadedData(DataManifest Manifest, TokenSet Train, TokenSet? Fitness, TokenSet? Validation);
