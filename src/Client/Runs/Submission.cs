using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Data.Corpus;
using Slowrun.Data.Preparation;
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

    /// <summary>Checks, before anything is started, that the data exists and suits the spec; for text only that there is some.</summary>
    /// <exception cref="InvalidRequestException">It does not, or no text was given.</exception>
    /// <exception cref="CorpusException">There is no text on this machine.</exception>
    /// <exception cref="SpecException">The spec breaks a rule with the data's sizes.</exception>
    public async Task CheckAsync(RunSpec spec, GivenData given, CancellationToken cancellationToken)
    {
        if ((given.Prepared ?? (given.TextFiles.Count == 0 ? spec.Recipe.Data.Sha256 : null)) is { } name)
        {
            var data = await OpenAsync(name, spec.Recipe, cancellationToken);
            if (given.Prepared is not null)
            {
                WithPrepared(spec, data);
            }
        }
        else if (given.TextFiles.Count == 0 && spec.Recipe.Data.Source == Text)
        {
            throw NoText();
        }
        else if (given.TextFiles.Count == 0)
        {
            SdkDocsFolder.Find();
        }
    }

    /// <param name="given">Data to use instead of the spec's data source.</param>
    /// <exception cref="InvalidRequestException">A run of this name has another recipe; or the data does not suit it.</exception>
    /// <exception cref="CorpusException">There is no text, or too little.</exception>
    public async Task<SubmittedRun> SubmitAsync(RunSpec spec, GivenData given, CancellationToken cancellationToken)
    {
        var textFiles = given.TextFiles;
        if (given.Prepared is { } name)
        {
            var data = await OpenAsync(name, spec.Recipe, cancellationToken);
            spec = WithPrepared(spec, data);
            tell(
                FormattableString.Invariant(
                    $"Data: {data.Manifest.Train.Tokens} training, {data.Manifest.Fitness?.Tokens ?? 0} fitness and {data.Manifest.Validation!.Tokens} validation tokens ({data.Manifest.Tokenizer}): {data.Manifest.Source}."
                )
            );
            await data.UploadAsync(store, cancellationToken);
        }
        else if (textFiles.Count > 0)
        {
            spec = WithData(spec, spec.Recipe.Data with { Source = Text, Sha256 = null });
        }

        var documents = new RunDocuments(store, spec.Name);
        var existing = await documents.TryReadSpecAsync(cancellationToken);
        if (
            existing is not null
            && spec.Recipe.Data.Sha256 is null
            && textFiles.Count == 0
            && spec.Recipe.Data.Source == existing.Recipe.Data.Source
        )
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
            // Read before anything is trained on it: a hash without an upload is reported here, rather than by a silo later.
            var sha256 = spec.Recipe.Data.Sha256!;
            if (given.Prepared is null)
            {
                await OpenAsync(sha256, spec.Recipe, cancellationToken);
            }

            if (await documents.TryCreateSpecAsync(spec, cancellationToken))
            {
                return new SubmittedRun(spec, Created: true);
            }

            existing =
                await documents.TryReadSpecAsync(cancellationToken)
                ?? throw new InvalidDataException(
                    $"Run '{spec.Name}' was created and deleted by another process at this moment. Try again."
                );
        }

        RefuseOther(existing, spec);
        return new SubmittedRun(existing, Created: false);
    }

    private void RefuseOther(RunSpec existing, RunSpec spec)
    {
        var differences = SpecDifferences.Between(existing.Recipe, spec.Recipe, "recipe");
        if (differences.Count > 0)
        {
            throw new InvalidRequestException(
                $"Run '{spec.Name}' in '{store.Address}' has another recipe, and a recipe cannot change:"
                    + string.Concat(differences.Select(difference => $"\n  {difference}"))
                    + "\nStart it under another name with --name, or in another store with --store."
            );
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
            throw NoText();
        }

        var data = await Task.Run(
            () => textFiles.Count > 0 ? PreparedData.FromText(textFiles, recipe) : PreparedData.FromSdkDocs(recipe),
            cancellationToken
        );
        tell(
            FormattableString.Invariant(
                $"Data: {data.Train.Length} training, {data.Fitness?.Length ?? 0} fitness and {data.Validation.Length} validation tokens (bytes): {data.Source}; {100 * data.ValidationOverlap:0.00} % of validation's {TextWindows.LengthBytes}-character windows are left in training."
            )
        );
        return await new DataUpload(store).UploadAsync(
            ByteTokens.Name,
            data.Train,
            data.Fitness,
            data.Validation,
            data.Source,
            data.ValidationOverlap,
            cancellationToken
        );
    }

    private static InvalidRequestException NoText() =>
        new(
            $"The recipe's data source is '{Text}', and no text was given. Give it with --text FILE, or data that was prepared with --data DIR, or set data.source={SdkDocs}."
        );

    private async Task<NamedData> OpenAsync(string name, Recipe recipe, CancellationToken cancellationToken)
    {
        var data = await NamedData.OpenAsync(name, () => Task.FromResult(store), cancellationToken);
        PreparedManifest.Check(data.Manifest, name, recipe);
        await PreparedManifest.CheckTextAsync(data, name, cancellationToken);
        return data;
    }

    /// <summary>Gives the recipe the data's hash and sizes, with which it must still be one.</summary>
    private static RunSpec WithPrepared(RunSpec spec, NamedData data)
    {
        var manifest = data.Manifest;
        spec = WithData(
            spec,
            spec.Recipe.Data with
            {
                Source = Text,
                Sha256 = data.Sha256,
                TrainTokens = manifest.Train.Tokens,
                FitnessTokens = manifest.Fitness?.Tokens ?? 0,
                ValidationTokens = manifest.Validation!.Tokens,
            }
        );
        SpecReader.Check(spec);
        return spec;
    }

    private static RunSpec WithData(RunSpec spec, DataRecipe data) => spec with { Recipe = spec.Recipe with { Data = data } };
}
