namespace Slowrun.Data.Inputs;

/// <summary>What lies in an input file, under gzip or zstd or not.</summary>
public enum InputFormat
{
    /// <summary>UTF-8 text; a file is a document.</summary>
    Text,

    /// <summary>A JSON object a line; one of its fields is a document.</summary>
    Jsonl,

    /// <summary>Rows; one column holds documents.</summary>
    Parquet,

    /// <summary>GPT-2 tokens as llm.c and modded-nanogpt keep them.</summary>
    Bin,
}
