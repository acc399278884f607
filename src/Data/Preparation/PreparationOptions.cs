using Slowrun.Data.Inputs;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Preparation;

/// <summary>What data to make of which files.</summary>
public sealed record PreparationOptions
{
    /// <summary>Their documents are dealt out to the sets that have no files of their own.</summary>
    public required IReadOnlyList<InputFile> Files { get; init; }

    /// <summary>The validation set's own; empty: it takes from <see cref="Files"/>.</summary>
    public IReadOnlyList<InputFile> ValidationFiles { get; init; } = [];

    /// <summary>The fitness set's own; empty: it takes from <see cref="Files"/>.</summary>
    public IReadOnlyList<InputFile> FitnessFiles { get; init; } = [];

    public IEnumerable<InputFile> AllFiles => [.. ValidationFiles, .. FitnessFiles, .. Files];

    public required TextTokenizer Tokenizer { get; init; }

    /// <summary>The JSON field or Parquet column that holds the text.</summary>
    public string Field { get; init; } = "text";

    /// <summary>What a document of a text file is.</summary>
    public TextDivision Division { get; init; } = TextDivision.None;

    /// <summary>Null: all that the others leave.</summary>
    public long? TrainTokens { get; init; }

    /// <summary>Null: none, or all that its own files have.</summary>
    public long? FitnessTokens { get; init; }

    /// <summary>Null: none, or all that its own files have.</summary>
    public long? ValidationTokens { get; init; }

    /// <summary>Whether rows that are no documents are counted instead of ending it all.</summary>
    public bool SkipBad { get; init; }

    /// <summary>Threads that tokenize. The result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    public Stream StandardInput { get; init; } = Stream.Null;
}
