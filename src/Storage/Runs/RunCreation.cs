using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Runs;

/// <summary>Makes a run of a spec. Its data are in the store before the spec is, which makes the run count; the same spec again finds the
/// run that is there.</summary>
public sealed class RunCreation(IObjectStore store)
{
    /// <summary>The spec on certain data: with their hash and sizes, with which it must still be one.</summary>
    /// <exception cref="SpecException">It breaks a rule with those sizes.</exception>
    public static RunSpec WithData(RunSpec spec, string sha256, DataManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(manifest);
        var data = spec.Recipe.Data with
        {
            Source = "text",
            Sha256 = sha256,
            TrainTokens = manifest.Train.Tokens,
            FitnessTokens = manifest.Fitness?.Tokens ?? 0,
            ValidationTokens = manifest.Validation!.Tokens,
        };
        var with = WithData(spec, data);
        SpecReader.Check(with);
        return with;
    }

    /// <summary>Checks that data are in the store and fit the recipe.</summary>
    /// <exception cref="InvalidRequestException">They do not fit.</exception>
    /// <exception cref="InvalidDataException">They are missing or damaged.</exception>
    public async Task<DataManifest> CheckDataAsync(string sha256, Recipe recipe, CancellationToken cancellationToken)
    {
        var stored = new StoredTokenSets(store);
        var manifest = await stored.ReadManifestAsync(sha256, cancellationToken).ConfigureAwait(false);
        DataFit.Check(manifest, sha256, recipe);
        await DataFit
            .CheckTextAsync(manifest, sha256, (tokens, stop) => stored.ReadAsync(manifest, tokens, stop), cancellationToken)
            .ConfigureAwait(false);
        return manifest;
    }

    /// <param name="makeData">Called where neither the spec nor a run of its name says which data: puts them into the store, and returns
    /// their hash.</param>
    /// <param name="checkData">Called for a new run's data before it is made, as <see cref="CheckDataAsync"/>; null: they were checked
    /// already.</param>
    /// <exception cref="NotPossibleException">Another run is called so.</exception>
    public async Task<CreatedRun> CreateAsync(
        RunSpec spec,
        Func<DataRecipe, CancellationToken, Task<string>> makeData,
        Func<string, Recipe, CancellationToken, Task<DataManifest>>? checkData,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(makeData);
        var documents = new RunDocuments(store, spec.Name);
        var existing = await documents.TryReadSpecAsync(cancellationToken).ConfigureAwait(false);
        var naming = new RunNaming(store);
        if (existing is null)
        {
            await naming.CheckFreeAsync(spec.Name, cancellationToken).ConfigureAwait(false);
        }

        if (spec.Recipe.Data.Sha256 is null)
        {
            // The run keeps the data that it began with, even if another SDK, whose text it is, has been installed since.
            var kept = existing?.Recipe.Data is { } began && began.Source == spec.Recipe.Data.Source ? began.Sha256 : null;
            var sha256 = kept ?? await makeData(spec.Recipe.Data, cancellationToken).ConfigureAwait(false);
            spec = WithData(spec, spec.Recipe.Data with { Sha256 = sha256 });
        }

        if (existing is null)
        {
            // Read before anything is trained on it: a hash without an upload is reported here, rather than by a silo later.
            if (checkData is not null)
            {
                await checkData(spec.Recipe.Data.Sha256!, spec.Recipe, cancellationToken).ConfigureAwait(false);
            }

            // Data may have taken minutes.
            await naming.CheckFreeAsync(spec.Name, cancellationToken).ConfigureAwait(false);
            if (await documents.TryCreateSpecAsync(spec, cancellationToken).ConfigureAwait(false))
            {
                return new CreatedRun(spec, IsNew: true);
            }

            existing =
                await documents.TryReadSpecAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new InvalidDataException(
                    $"Run '{spec.Name}' was created and deleted by another process at this moment. Try again."
                );
        }

        return new CreatedRun(existing, IsNew: false)
        {
            OtherRecipe = SpecDifferences.Between(existing.Recipe, spec.Recipe, "recipe"),
            OtherOperations = SpecDifferences.Between(existing.Operations, spec.Operations, "operations"),
        };
    }

    private static RunSpec WithData(RunSpec spec, DataRecipe data) => spec with { Recipe = spec.Recipe with { Data = data } };
}
