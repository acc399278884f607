using Slowrun.Core.Models;
using Slowrun.Core.Recipes;

namespace Slowrun.Client.Results.Transformers;

/// <summary>The <c>config.json</c> of several models that make one prediction, for Hugging Face's transformers.</summary>
internal sealed record TransformersEnsembleConfig
{
    public IReadOnlyList<string> Architectures { get; } = ["SlowrunEnsemble"];

    public TransformersCode AutoMap { get; } = new("SlowrunEnsembleConfig", "SlowrunEnsemble");

    public string ModelType { get; } = "slowrun_ensemble";

    public string TorchDtype { get; } = "float32";

    public required int BosTokenId { get; init; }

    public int EosTokenId => BosTokenId;

    public bool TieWordEmbeddings { get; }

    public bool UseCache { get; }

    public required int VocabSize { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    /// <summary><c>probabilities</c>: their weighted mean. <c>logits</c>: the softmax of theirs.</summary>
    public required string Average { get; init; }

    public required IReadOnlyList<TransformersMember> Members { get; init; }

    public static TransformersEnsembleConfig Of(
        ModelRecipe model,
        int documentStart,
        EnsembleAverage average,
        IReadOnlyList<TransformersMember> members
    ) =>
        new()
        {
            BosTokenId = documentStart,
            VocabSize = model.VocabSize,
            MaxPositionEmbeddings = model.SequenceLength,
            Average = average == EnsembleAverage.Logits ? "logits" : "probabilities",
            Members = members,
        };
}

/// <param name="Folder">Beside the config.json.</param>
/// <param name="Weight">All members' together are 1.</param>
internal sealed record TransformersMember(string Folder, double Weight);
