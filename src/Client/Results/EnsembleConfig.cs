using Slowrun.Core.Recipes;

namespace Slowrun.Client.Results;

/// <summary>The <c>ensemble.json</c> of an exported ensemble: which files, with which weights, and how they make one prediction.</summary>
internal sealed record EnsembleConfig
{
    private const string Tail =
        " Each model's logits are softcap·tanh(z/softcap) of the first vocabSize ids; config.json says how a model is passed.";

    public string Format { get; init; } = "slowrun-ensemble";

    public int Version { get; init; } = 1;

    public required string Run { get; init; }

    public required string Tokenizer { get; init; }

    public required int VocabSize { get; init; }

    public required EnsembleAverage Average { get; init; }

    /// <summary>In a sentence.</summary>
    public required string Combine { get; init; }

    /// <summary>Of the mixture on the validation set; null where it cannot be computed from scores.</summary>
    public double? LossNats { get; init; }

    public double? BitsPerByte { get; init; }

    public required IReadOnlyList<EnsembleFile> Members { get; init; }

    public static EnsembleConfig Of(ExportConfig config, ChosenMixture mixture, EnsembleReport? report) =>
        new()
        {
            Run = config.Run,
            Tokenizer = config.Tokenizer,
            VocabSize = config.VocabSize,
            Average = mixture.Average,
            Combine =
                mixture.Average == EnsembleAverage.Logits
                    ? "p = softmax(sum over members of weight · logits), of each member the model without prefix." + Tail
                    : "p = sum over members of weight · p(member); p(member) is the mean of softmax(logits) over the file's models." + Tail,
            LossNats = report?.LossNats,
            BitsPerByte = report?.BitsPerByte,
            Members =
            [
                .. mixture.Mixed.Zip(
                    config.Files,
                    (member, file) =>
                        new EnsembleFile(file.File, file.Stage, mixture.ShareOf(member), file.Sha256, file.LossNats, file.BitsPerByte)
                ),
            ],
        };
}

/// <param name="Weight">All members' together are 1.</param>
/// <param name="LossNats">Alone.</param>
internal sealed record EnsembleFile(string File, string Stage, double Weight, string Sha256, double? LossNats, double? BitsPerByte);
