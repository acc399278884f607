namespace Slowrun.Data.Inputs;

/// <summary>A document as it was read, or a piece of a long one, or what is left out and why.</summary>
internal readonly record struct RawPiece
{
    /// <summary>Valid UTF-8.</summary>
    public ReadOnlyMemory<byte> Text { get; private init; }

    /// <summary>In place of <see cref="Text"/>, where the file holds GPT-2's ids; a document begins with its start token.</summary>
    public ReadOnlyMemory<ushort>? Ids { get; private init; }

    /// <summary>Belongs to the document of the piece before.</summary>
    public bool Continues { get; private init; }

    /// <summary>There is no document here, for this reason; place and reason in a sentence.</summary>
    public string? Problem { get; private init; }

    /// <summary>Why <see cref="LeftOutBytes"/> are in no document; null for a document.</summary>
    public LeftOutReason? LeftOut { get; private init; }

    public long LeftOutBytes { get; private init; }

    /// <summary>Where the content goes on behind this piece, in bytes; null where that is not known.</summary>
    public long? End { get; init; }

    /// <summary>Which of the input files it is from.</summary>
    public int File { get; init; }

    public static RawPiece OfText(ReadOnlyMemory<byte> utf8, bool continues = false) => new() { Text = utf8, Continues = continues };

    public static RawPiece OfIds(ReadOnlyMemory<ushort> ids, bool continues) => new() { Ids = ids, Continues = continues };

    public static RawPiece Bad(string problem, long bytes = 0) =>
        new()
        {
            Problem = problem,
            LeftOut = LeftOutReason.NoDocument,
            LeftOutBytes = bytes,
        };

    /// <summary>Bytes that part documents; or more of those that a <see cref="Problem"/> before has told of.</summary>
    public static RawPiece Without(LeftOutReason reason, long bytes) => new() { LeftOut = reason, LeftOutBytes = bytes };
}
