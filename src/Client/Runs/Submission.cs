using Slowrun.Client.Cli;
using Slowrun.Client.Corpus;
using Slowrun.Client.Preparation;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Runs;

/// <param name="Created">False: the run was there already, with the same recipe.</param>
internal sealed record SubmittedRun(RunSpec Spec, bool Created);

/// <summary>Makes a run of a spec: data first, then the document that makes it count.</summary>
internal sealed class Submission(IObjectStore store, Action<string> tell)
{
    private const string SdkDocs = "sdk-docs";
    private const string Text = "text";

    /// <param name="given">What to take the data from in place of the spec's data source.</param>
    /// <exception cref="CliException">A run of this name has another recipe; or the data does not suit it.</exception>
    /// <exception cref="CorpusException">There is no text, or too little.</exception>
    public async Task<SubmittedRun> SubmitAsync(RunSpec spec, GivenData given, CancellationToken cancellationToken)
    {
        var textFiles = given.TextFiles;
        if (given.Prepared is { } name)
        {
            spec = await WithPreparedAsync(spec, name, cancellationToken);
        }
        else if (textFiles.Count > 0)
        {
            spec = WithData(spec, spec.Recipe.Data with { Source = Text, Sha256 = null });
        }

        var documents = new RunDocuments(store, spec.Name);
        var existing = await documents.TryReadSpecAsync(cancellationToken);
        if (existing is not null && spec.Recipe.Data.Sha256 is null && textFiles.Count == 0 && spec.Recipe.Data.Source == existing.Recipe.Data.Source)
        {
            // The run keeps the data that it began with, even if another SDK has been installed since.
            spec = WithData(spec, spec.Recipe.Data with { Sha256 = existing.Recipe.Data.Sha256 });
        }

        if (spec.Recipe.Data.Sha256 is null)
        {
            spec = WithData(spec, spec.Recipe.Data with { Sha256 = await UploadAsync(spec.Recipe.Data, textFiles, cancellationToken) });
        }

        if (existing is null)
        {
            // Read before anything is trained on it: a hash that nobody uploaded is found out here, not by a silo at night.
            var sha256 = spec.Recipe.Data.Sha256!;
            PreparedManifest.Check(await new StoredTokenSets(store).ReadManifestAsync(sha256, cancellationToken), sha256, spec.Recipe);
            if (await documents.TryCreateSpecAsync(spec, cancellationToken))
            {
                return new SubmittedRun(spec, Created: true);
            }

            existing = await documents.TryReadSpecAsync(cancellationToken)
                ?? throw new InvalidDataException($"Run '{spec.Name}' was created and deleted by somebody else at this moment. Try again.");
        }

        RefuseOther(existing, spec);
        return new SubmittedRun(existing, Created: false);
    }

    private void RefuseOther(RunSpec existing, RunSpec spec)
    {
        var differences = SpecDifferences.Between(existing.Recipe, spec.Recipe, "recipe");
        if (differences.Count > 0)
        {
            throw new CliException(
                ExitCode.Usage,
                $"Run '{spec.Name}' in '{store.Address}' has another recipe, and a recipe cannot change:"
                + string.Concat(differences.Select(difference => $"\n  {difference}"))
                + "\nStart it under another name with --name, or in another store with --store.");
        }

        foreach (var difference in SpecDifferences.Between(existing.Operations, spec.Operations, "operations"))
        {
            tell($"The run's operations stay as they were: {difference}. 'slowrun set {spec.Name} …' changes them.");
        }
    }

    private async Task<string> UploadAsync(DataRecipe recipe, IReadOnlyList<string> textFiles, CancellationToken cancellationToken)
    {
        if (recipe.Source == Text && textFiles.Count == 0)
        {
            throw new CliException(ExitCode.Usage, $"The recipe's data source is '{Text}', and no text was given. Give it with --text FILE, or data that was prepared with --data DIR, or set data.source={SdkDocs}.");
        }

        var data = await Task.Run(() => textFiles.Count > 0 ? PreparedData.FromText(textFiles, recipe) : PreparedData.FromSdkDocs(recipe), cancellationToken);
        tell(FormattableString.Invariant(
            $"Data: {data.Train.Length} training, {data.Fitness?.Length ?? 0} fitness and {data.Validation.Length} validation tokens (bytes): {data.Source}; {100 * data.ValidationOverlap:0.00} % of validation's {TextWindows.LengthBytes}-character windows are left in training."));
        return await new DataUpload(store).UploadAsync(
            ByteTokens.Name, data.Train, data.Fitness, data.Validation, data.Source, data.ValidationOverlap, cancellationToken);
    }

    /// <summary>Uploads prepared data, and gives the recipe its hash and its sizes.</summary>
    private async Task<RunSpec> WithPreparedAsync(RunSpec spec, string name, CancellationToken cancellationToken)
    {
        var data = await NamedData.OpenAsync(name, () => Task.FromResult(store), cancellationToken);
        var manifest = data.Manifest;
        PreparedManifest.Check(manifest, name, spec.Recipe);
        spec = WithData(spec, spec.Recipe.Data with
        {
            Source = Text,
            Sha256 = data.Sha256,
            TrainTokens = manifest.Train.Tokens,
            FitnessTokens = manifest.Fitness?.Tokens ?? 0,
            ValidationTokens = manifest.Validation!.Tokens,
        });
        SpecReader.Check(spec);
        tell(FormattableString.Invariant(
            $"Data: {manifest.Train.Tokens} training, {manifest.Fitness?.Tokens ?? 0} fitness and {manifest.Validation.Tokens} validation tokens ({manifest.Tokenizer}): {manifest.Source}."));
        await data.UploadAsync(store, cancellationToken);
        return spec;
    }

    private static RunSpec WithData(RunSpec spec, DataRecipe data) => spec with { Recipe = spec.Recipe with { Data = data } };
}
