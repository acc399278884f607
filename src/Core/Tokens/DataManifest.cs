namespace Slowrun.Core.Tokens;

/// <summary>
/// What a run's data is: a document at <c>data/SHA256</c>, whose own hash stands in the recipe. Everything it names lies beside it under
/// its SHA-256, so that equal data is stored once, whichever client uploads it.
/// </summary>
public sealed record DataManifest
{
    public int Version { get; init; } = 1;

    /// <summary>
    /// <c>bytes</c>: ids 0-255 are UTF-8 bytes, 256 begins a document. <c>gpt2</c>: GPT-2's byte pairs (r50k), 50256 begins a document.
    /// </summary>
    public required string Tokenizer { get; init; }

    /// <summary>SHA-256 of the tokenizer's vocabulary file as its makers publish it; null where there is none.</summary>
    public string? TokenizerSha256 { get; init; }

    public required int VocabSize { get; init; }

    public required StoredTokens Train { get; init; }

    /// <summary>What weights and members are chosen on.</summary>
    public StoredTokens? Fitness { get; init; }

    /// <summary>What is reported, and nothing chosen on.</summary>
    public StoredTokens? Validation { get; init; }

    /// <summary>SHA-256 of an int32 per token id, the UTF-8 bytes it stands for; null for <c>bytes</c>, where that is known.</summary>
    public string? TokenBytesSha256 { get; init; }

    /// <summary>Where the text came from and what was done to it, for people.</summary>
    public required string Source { get; init; }

    /// <summary>The files that the tokens were made of, in order; null where no list was kept.</summary>
    public IReadOnlyList<DataSource>? Sources { get; init; }

    /// <summary>The input that is in none of the sets; null where everything is in one, or it was not counted.</summary>
    public IReadOnlyList<DataLeftOut>? LeftOut { get; init; }

    /// <summary>Documents of which several sets have a part; null where there is none.</summary>
    public IReadOnlyList<DividedDocument>? Divided { get; init; }

    /// <summary>Share of validation's 40-character windows that stand in training too; null where it was not measured.</summary>
    public double? ValidationOverlap { get; init; }

    public bool Equals(DataManifest? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>One token set of a <see cref="DataManifest"/>.</summary>
/// <param name="Sha256">Of the tokens: uint16, little endian.</param>
/// <param name="DocumentStartsSha256">Of each document's first position: int64, little endian, ascending from 0.</param>
/// <param name="ElementType">Always <c>uint16</c> so far.</param>
public sealed record StoredTokens(string Sha256, long Tokens, string DocumentStartsSha256, int Documents, string ElementType = "uint16");

/// <summary>A file that tokens were made of.</summary>
/// <param name="Name">Without its folder, which says nothing on another machine; <c>-</c> for standard input.</param>
/// <param name="LengthBytes">As it lay there, compressed or not; null for standard input that was not read to its end.</param>
/// <param name="Sha256">Of those bytes.</param>
/// <param name="Set">The only set that it was given for; null where its documents were dealt out to the sets.</param>
public sealed record DataSource(string Name, string Format, long? LengthBytes, string? Sha256, string? Set = null);
