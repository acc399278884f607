using System.Reflection;
using System.Text.Json.Nodes;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Results.Transformers;

/// <summary>
/// Writes folders that Hugging Face's transformers loads. The folder is whole under its name, or not there: it is made beside it, as
/// <c>NAME.part</c>, and moved. A mount point cannot be replaced: there it is made inside, and its files are moved up at the end.
/// </summary>
internal sealed class TransformersExport(ClientContext context, IObjectStore store, RunFacts facts, string folder, ElementType type)
{
    private const string Weights = "model.safetensors";

    private static readonly string[] Code = [TransformersCode.ConfigurationFile, TransformersCode.ModelFile];

    private readonly string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    private readonly PartFolder part = new(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    private string Part => part.Path;

    /// <summary>Writes one finished stage: the folder is its model.</summary>
    /// <exception cref="InvalidRequestException">Something stands in the folder.</exception>
    /// <exception cref="InvalidDataException">A snapshot is damaged.</exception>
    public Task WriteStageAsync(StageId stage, CancellationToken stop) => WholeAsync(parts => StageAsync(parts, Part, stage, stop), stop);

    /// <summary>Writes finished stages, a folder each.</summary>
    /// <exception cref="InvalidRequestException">Something stands in the folder.</exception>
    /// <exception cref="InvalidDataException">A snapshot is damaged.</exception>
    public Task WriteStagesAsync(IReadOnlyList<StageId> stages, CancellationToken stop) =>
        WholeAsync(
            async tokenizer =>
            {
                foreach (var stage in stages)
                {
                    await StageAsync(tokenizer, Path.Combine(Part, ExportedModel.FolderOf(stage)), stage, stop);
                }
            },
            stop
        );

    /// <summary>Writes members of an ensemble, a folder each, and beside them the class that mixes them.</summary>
    /// <param name="report">What it comes to; null: not known.</param>
    /// <exception cref="InvalidRequestException">Something stands in the folder.</exception>
    /// <exception cref="InvalidDataException">A snapshot is damaged.</exception>
    public Task WriteEnsembleAsync(ChosenMixture mixture, EnsembleReport? report, CancellationToken stop) =>
        WholeAsync(
            async tokenizer =>
            {
                var models = new List<ExportedModel>();
                foreach (var member in mixture.Mixed)
                {
                    models.AddRange(
                        await ExportedModel.OfAsync(store, facts, member.Stage, mixture.ShareOf(member), mixture.Average, stop)
                    );
                }

                await MixtureAsync(tokenizer, Part, models, mixture.Average, ModelCard.OfEnsemble(facts, mixture, report), stop);
            },
            stop
        );

    private async Task WholeAsync(Func<Given, Task> write, CancellationToken stop)
    {
        if (!part.IsFree())
        {
            throw new InvalidRequestException(
                $"'{target}' is not empty, and an export for transformers is a folder of its own. Name another folder, or empty this one."
            );
        }

        var manifest = await new StoredTokenSets(store).ReadManifestAsync(facts.Spec.Recipe.Data.Sha256!, stop);
        var tokenizer =
            TextTokenizer.Find(manifest.Tokenizer)
            ?? throw new InvalidDataException(
                $"The data of '{facts.Spec.Name}' is in tokens of '{manifest.Tokenizer}', expected one of {string.Join(", ", TextTokenizer.Names)}."
            );
        part.Begin();
        try
        {
            await write(new Given(manifest, tokenizer));
            part.Complete();
        }
        finally
        {
            part.Remove();
        }
    }

    private async Task StageAsync(Given given, string into, StageId stage, CancellationToken stop)
    {
        var models = await ExportedModel.OfAsync(store, facts, stage, 1, EnsembleAverage.Probabilities, stop);
        var card = ModelCard.OfStage(facts, stage);
        if (models.Count > 1)
        {
            await MixtureAsync(given, into, models, EnsembleAverage.Probabilities, card, stop);
            return;
        }

        await ModelAsync(given, into, models[0], stop);
        await TextsAsync(given, into, card, stop);
    }

    private async Task MixtureAsync(
        Given given,
        string into,
        IReadOnlyList<ExportedModel> models,
        EnsembleAverage average,
        ModelCard card,
        CancellationToken stop
    )
    {
        foreach (var model in models)
        {
            await ModelAsync(given, Path.Combine(into, model.Folder), model, stop);
        }

        var config = TransformersEnsembleConfig.Of(
            facts.Spec.Recipe.Model,
            given.Tokenizer.DocumentStart,
            average,
            [.. models.Select(model => new TransformersMember(model.Folder, model.Weight))]
        );
        await File.WriteAllTextAsync(Path.Combine(into, "config.json"), TransformersConfig.Json(config), stop);
        await CodeAsync(given, into, stop);
        await TextsAsync(given, into, card, stop);
    }

    /// <summary>One model's weights with what describes and passes them.</summary>
    private async Task ModelAsync(Given given, string into, ExportedModel model, CancellationToken stop)
    {
        Directory.CreateDirectory(into);
        var snapshot = facts.RootOf(model.Stage).Snapshot!;
        var file = await WeightFile.WriteAsync(store, snapshot, Path.Combine(into, Weights), type, stop, model.Prefix);
        var plan = facts.Plan[model.Stage];
        var origin = new TransformersOrigin(
            facts.Spec.Name,
            model.Stage.ToString(),
            model.Prefix,
            CanonicalJson.Sha256(facts.Spec.Recipe),
            facts.Spec.Recipe.Data.Sha256!,
            snapshot.Sha256,
            JsonNode.Parse(CanonicalJson.Serialize(PassedModel.Of(plan.Model, plan.Stage)))!
        );
        var config = TransformersConfig.Of(plan.Model, plan.Stage, given.Tokenizer.DocumentStart, origin);
        await File.WriteAllTextAsync(Path.Combine(into, "config.json"), config.Json(), stop);
        await CodeAsync(given, into, stop);
        var path = Path.Combine(target, Path.GetRelativePath(Part, file.Path));
        await context.Output.WriteLineAsync($"{path}  {Human.Bytes(file.LengthBytes)}  sha256 {file.Sha256}");
    }

    /// <summary>What makes a folder of weights one that transformers builds a model of.</summary>
    private static async Task CodeAsync(Given given, string into, CancellationToken stop)
    {
        var generation = TransformersConfig.Json(new GenerationConfig(given.Tokenizer.DocumentStart));
        await File.WriteAllTextAsync(Path.Combine(into, "generation_config.json"), generation, stop);
        foreach (var name in Code)
        {
            await using var source = Assembly
                .GetExecutingAssembly()
                .GetManifestResourceStream($"{typeof(TransformersExport).Namespace}.{name}")!;
            await using var file = File.Create(Path.Combine(into, name));
            await source.CopyToAsync(file, stop);
        }
    }

    private async Task TextsAsync(Given given, string into, ModelCard card, CancellationToken stop)
    {
        foreach (var (name, content) in TokenizerFiles.Of(given.Tokenizer, facts.Spec.Recipe.Model.SequenceLength))
        {
            await File.WriteAllTextAsync(Path.Combine(into, name), content, stop);
        }

        await File.WriteAllTextAsync(Path.Combine(into, "README.md"), card.Text(given.Manifest), stop);
    }

    private sealed record Given(DataManifest Manifest, TextTokenizer Tokenizer);

    /// <summary>The <c>generation_config.json</c>: a text ends where the next document would begin.</summary>
    private sealed record GenerationConfig(int BosTokenId)
    {
        public int EosTokenId => BosTokenId;

        public int PadTokenId => BosTokenId;

        public bool UseCache { get; }
    }
}
