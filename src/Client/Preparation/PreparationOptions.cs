using Slowrun.Client.Inputs;
using Slowrun.Client.Tokenizers;

namespace Slowrun.Client.Preparation;

/// <summary>What data to make of which files.</summary>
internal sealed record PreparationOptions
{
    public required IReadOnlyList<InputFile> Files { get; init; }

    public required TextTokenizer Tokenizer { get; init; }

    /// <summary>The JSON field or Parquet column that holds the text.</summary>
    public string Field { get; init; } = "text";

    /// <summary>Null: all that is left.</summary>
    public long? TrainTokens { get; init; }

    public long FitnessTokens { get; init; }

    public long ValidationTokens { get; init; }

    /// <summary>Whether rows that are no documents are counted instead of ending it all.</summary>
    public bool SkipBad { get; init; }

    /// <summary>Threads that tokenize. The result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    public Stream StandardInput { get; init; } = Stream.Null;
}
