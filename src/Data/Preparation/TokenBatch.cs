using System.Buffers;
using Slowrun.Data.Inputs;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Preparation;

/// <summary>Some documents, one after the other, as tokens.</summary>
internal sealed class TokenBatch
{
    private readonly ArrayBufferWriter<ushort> ids = new();

    public List<TokenPiece> Pieces { get; } = [];

    public ReadOnlySpan<ushort> IdsOf(TokenPiece piece) => ids.WrittenSpan.Slice(piece.Start, piece.Length);

    public static TokenBatch Of(IReadOnlyList<RawPiece> raw, TextTokenizer tokenizer, TokenEncoder encoder)
    {
        var batch = new TokenBatch();
        foreach (var piece in raw)
        {
            var start = batch.ids.WrittenCount;
            if (piece.Ids is { } given)
            {
                batch.ids.Write(given.Span);
            }
            else if (piece.LeftOut is null)
            {
                if (!piece.Continues)
                {
                    batch.ids.Write([tokenizer.DocumentStart]);
                }

                encoder.Encode(piece.Text.Span, batch.ids);
            }

            batch.Pieces.Add(
                new TokenPiece(piece.File, start, batch.ids.WrittenCount - start, piece.Continues, piece.Problem)
                {
                    LeftOut = piece.LeftOut,
                    LeftOutBytes = piece.LeftOutBytes,
                    End = piece.End,
                }
            );
        }

        return batch;
    }
}

/// <summary>A stretch of a batch's ids; or, with <see cref="LeftOut"/>, none and why.</summary>
internal readonly record struct TokenPiece(int File, int Start, int Length, bool Continues, string? Problem)
{
    public LeftOutReason? LeftOut { get; init; }

    public long LeftOutBytes { get; init; }

    /// <summary>Where the file goes on behind it, in bytes; null where that is not known.</summary>
    public long? End { get; init; }
}
