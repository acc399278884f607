using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Data.Corpus;
using Slowrun.Data.Preparation;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Runs;

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
                RunCreation.WithData(spec, data.Sha256, data.Manifest);
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
    public async Task<CreatedRun> SubmitAsync(RunSpec spec, GivenData given, CancellationToken cancellationToken)
    {
        if (given.Prepared is { } name)
        {
            var data = await OpenAsync(name, spec.Recipe, cancellationToken);
            spec = RunCreation.WithData(spec, data.Sha256, data.Manifest);
            tell(
                FormattableString.Invariant(
                    $"Data: {data.Manifest.Train.Tokens} training, {data.Manifest.Fitness?.Tokens ?? 0} fitness and {data.Manifest.Validation!.Tokens} validation tokens ({data.Manifest.Tokenizer}): {data.Manifest.Source}."
                )
            );
            await data.UploadAsync(store, cancellationToken);
        }
        else if (given.TextFiles.Count > 0)
        {
            var trains = new RunPlan(spec.Recipe).Stages.Any(stage => stage.ImportedSha256 is null);
            var recipe = await UploadAsync(spec.Recipe.Data with { Source = Text }, given.TextFiles, trains, cancellationToken);
            spec = spec with { Recipe = spec.Recipe with { Data = recipe } };
        }

        await new ImportedSnapshots(store).EnsureAsync(spec, cancellationToken);
        var creation = new RunCreation(store);
        var run = await creation.CreateAsync(
            spec,
            async (recipe, stop) => (await UploadAsync(recipe, [], trains: true, stop)).Sha256!,
            given.Prepared is null ? creation.CheckDataAsync : null,
            cancellationToken
        );
        if (run.OtherRecipe.Count > 0)
        {
            throw new InvalidRequestException(
                $"Run '{spec.Name}' in '{store.Address}' has another recipe, and a recipe cannot change:"
                    + string.Concat(run.OtherRecipe.Select(difference => $"\n  {difference}"))
                    + "\nStart it under another name with --name, or in another store with --store."
            );
        }

        foreach (var difference in run.OtherOperations)
        {
            tell($"The run's operations stay as they were: {difference}. 'slowrun set {spec.Name} …' changes them.");
        }

        return run;
    }

    /// <param name="trains">Whether anything is trained on it.</param>
    /// <returns>With the data's hash, and as many training tokens as there are.</returns>
    private async Task<DataRecipe> UploadAsync(
        DataRecipe recipe,
        IReadOnlyList<string> textFiles,
        bool trains,
        CancellationToken cancellationToken
    )
    {
        if (recipe.Source == Text && textFiles.Count == 0)
        {
            throw NoText();
        }

        var data = await Task.Run(
            () => textFiles.Count > 0 ? PreparedData.FromText(textFiles, recipe, trains) : PreparedData.FromSdkDocs(recipe),
            cancellationToken
        );
        tell(
            FormattableString.Invariant(
                $"Data: {data.Train.Length} training, {data.Fitness?.Length ?? 0} fitness and {data.Validation.Length} validation tokens (bytes): {data.Source}; {100 * data.ValidationOverlap:0.00} % of validation's {TextWindows.LengthBytes}-character windows are left in training."
            )
        );
        var sha256 = await new DataUpload(store).UploadAsync(
            ByteTokens.Name,
            data.Train,
            data.Fitness,
            data.Validation,
            data.Source,
            data.ValidationOverlap,
            cancellationToken
        );
        return recipe with { Sha256 = sha256, TrainTokens = data.Train.Length };
    }

    private static InvalidRequestException NoText() =>
        new(
            $"The recipe's data source is '{Text}', and no text was given. Give it with --text FILE, or data that was prepared with --data DIR, or set data.source={SdkDocs}."
        );

    private async Task<NamedData> OpenAsync(string name, Recipe recipe, CancellationToken cancellationToken)
    {
        var data = await NamedData.OpenAsync(name, () => Task.FromResult(store), cancellationToken);
        DataFit.Check(data.Manifest, name, recipe);
        await DataFit.CheckTextAsync(data.Manifest, name, data.ReadAsync, cancellationToken);
        return data;
    }
}
