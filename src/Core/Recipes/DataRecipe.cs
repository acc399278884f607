using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Which tokens a run trains, selects and is judged on.</summary>
public sealed record DataRecipe
{
    /// <summary>
    /// Where the client takes the text from when it submits: <c>sdk-docs</c> (the API documentation beside <c>dotnet</c>) or <c>text</c>
    /// (files or prepared data that the user names). A silo never opens it: it only knows <see cref="Sha256"/>.
    /// </summary>
    public string Source { get; init; } = "sdk-docs";

    /// <summary>Tokens of the training set (whole documents from the front, the last one cut).</summary>
    [Range(1.0, 1e15)]
    public long TrainTokens { get; init; } = 98_304;

    /// <summary>Tokens of the fitness set: what weights and members are chosen on. 0: the recipe chooses nothing by loss.</summary>
    [Range(0.0, 1e12)]
    public long FitnessTokens { get; init; } = 16_384;

    /// <summary>Tokens of the validation set: what is reported, and nothing chosen on.</summary>
    [Range(2.0, 1e12, ErrorMessage = "a token and its target")]
    public long ValidationTokens { get; init; } = 65_536;

    /// <summary>In which order each data epoch trains on the rows.</summary>
    public DataOrderRule Order { get; init; } = DataOrderRule.Sequences;

    /// <summary>
    /// Shuffles the rows once and for all, the same for every stage, in the orders <c>Rows</c>, <c>TrackRows</c> and <c>Evaluation</c>; the
    /// others do not use it. Upstream's prepare_data.py writes it into its files: 43 for training, 42 for validation.
    /// </summary>
    [Range(0, 1_000_000_000)]
    public int FileSeed { get; init; } = 42;

    /// <summary>SHA-256 (lower-case hex) of the data manifest in the store; filled in by the client at submission.</summary>
    public string? Sha256 { get; init; }
}
