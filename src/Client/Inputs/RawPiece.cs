namespace Slowrun.Client.Inputs;

/// <summary>A document as it was read, or a piece of a long one, or what is wrong with it.</summary>
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

    /// <summary>Which of the input files it is from.</summary>
    public int File { get; init; }

    public static RawPiece OfText(ReadOnlyMemory<byte> utf8, bool continues = false) => new() { Text = utf8, Continues = continues };

    public static RawPiece OfIds(ReadOnlyMemory<ushort> ids, bool continues) => new() { Ids = ids, Continues = continues };

    public static RawPiece Bad(string problem) => new() { Problem = problem };
}
