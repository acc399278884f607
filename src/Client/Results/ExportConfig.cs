using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Results;

/// <summary>
/// The <c>config.json</c> beside exported weights: all that is needed to use these files without Slowrun. A function of the run alone,
/// without time or place.
/// </summary>
internal sealed record ExportConfig
{
    public const string FormatName = "slowrun-export";

    public string Format { get; init; } = FormatName;

    public int Version { get; init; } = 1;

    public required string Run { get; init; }

    public required string RecipeSha256 { get; init; }

    /// <summary>Of the weights in the files.</summary>
    public required ElementType Dtype { get; init; }

    public required string Tokenizer { get; init; }

    /// <summary>Of the vocabulary file as its makers publish it; null for bytes.</summary>
    public string? TokenizerSha256 { get; init; }

    /// <summary>Logits beyond it are padding.</summary>
    public required int VocabSize { get; init; }

    public required int PaddedVocabSize { get; init; }

    /// <summary>Numbers that a model learns, padding included.</summary>
    public required long Parameters { get; init; }

    /// <summary>Floor under the root mean square, in every norm.</summary>
    public required double RmsNormEpsilon { get; init; }

    public required int HiddenWidth { get; init; }

    /// <summary>Layers in which each has its own value embedding, made from the embedded input.</summary>
    public required IReadOnlyList<int> ValueEmbeddingLayers { get; init; }

    /// <summary>Keys before its own that a query sees, by layer.</summary>
    public required IReadOnlyList<int> Windows { get; init; }

    /// <summary>The architecture with all its options.</summary>
    public required ModelRecipe Model { get; init; }

    public required IReadOnlyList<ExportedFile> Files { get; init; }

    public static ExportConfig Of(RunFacts facts, DataManifest manifest, ElementType type, IReadOnlyList<ExportedFile> files)
    {
        var (recipe, model) = (facts.Spec.Recipe, facts.Spec.Recipe.Model);
        var windows = AttentionWindows.Of(model);
        return new ExportConfig
        {
            Run = facts.Spec.Name,
            RecipeSha256 = CanonicalJson.Sha256(recipe),
            Dtype = type,
            Tokenizer = manifest.Tokenizer,
            TokenizerSha256 = manifest.TokenizerSha256,
            VocabSize = model.VocabSize,
            PaddedVocabSize = ParameterTable.PaddedVocabSize(model),
            Parameters = ParameterTable.Count(model),
            RmsNormEpsilon = ParameterTable.RmsNormEpsilon,
            HiddenWidth = ParameterTable.HiddenWidth(model),
            ValueEmbeddingLayers = [.. Enumerable.Range(0, model.Layers).Where(layer => ParameterTable.HasValueEmbedding(model, layer))],
            Windows = [.. Enumerable.Range(0, model.Layers).Select(layer => windows.At(model, layer))],
            Model = model,
            Files = files,
        };
    }
}

/// <summary>A file of weights: one finished stage.</summary>
internal sealed record ExportedFile
{
    public required string File { get; init; }

    public required string Stage { get; init; }

    public required ChainRole Role { get; init; }

    public required long LengthBytes { get; init; }

    public required string Sha256 { get; init; }

    /// <summary>Of the weights as they were trained; the file's own unless they were rounded.</summary>
    public required string SnapshotSha256 { get; init; }

    /// <summary>
    /// Prefixes of the tensors' names, one a model. The one without is the stage's last; where there are others, the member is the mean of
    /// all models' probabilities; where their prefix is <c>recent</c>, the i-th in time counts i.
    /// </summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>Layers to pass again when the weights are used; null: none.</summary>
    public LoopRecipe? Loop { get; init; }

    /// <summary>Passes of the whole network over its own normalised output; 0: one, without the norm after it.</summary>
    public int Recurrences { get; init; }

    /// <summary>On the validation set; null where it has not been scored.</summary>
    public double? LossNats { get; init; }

    public double? BitsPerByte { get; init; }

    public double? FitnessLossNats { get; init; }

    public static ExportedFile Of(RunFacts facts, StageId id, WeightFile file) =>
        new()
        {
            File = Path.GetFileName(file.Path),
            Stage = id.ToString(),
            Role = facts.Plan[id].Role,
            LengthBytes = file.LengthBytes,
            Sha256 = file.Sha256,
            SnapshotSha256 = facts.RootOf(id).Snapshot!.Sha256,
            Models = file.Models,
            Loop = facts.Plan[id].Stage.Loop,
            Recurrences = facts.Plan[id].Stage.Recurrence?.Passes ?? 0,
            LossNats = facts.ScoreOf(id)?.LossNats,
            BitsPerByte = facts.ScoreOf(id)?.BitsPerByte,
            FitnessLossNats = facts.FitnessScoreOf(id)?.LossNats,
        };
}
