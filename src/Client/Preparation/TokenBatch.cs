using System.Buffers;
using Slowrun.Client.Inputs;
using Slowrun.Client.Tokenizers;

namespace Slowrun.Client.Preparation;

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
            else if (piece.Problem is null)
            {
                if (!piece.Continues)
                {
                    batch.ids.Write([tokenizer.DocumentStart]);
                }

                encoder.Encode(piece.Text.Span, batch.ids);
            }

            batch.Pieces.Add(new TokenPiece(piece.File, start, batch.ids.WrittenCount - start, piece.Continues, piece.Problem));
        }

        return batch;
    }
}

/// <summary>A stretch of a batch's ids; or, with <paramref name="Problem"/>, none and why.</summary>
internal readonly record struct TokenPiece(int File, int Start, int Length, bool Continues, string? Problem);
