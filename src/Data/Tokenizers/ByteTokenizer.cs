using System.Buffers;
using Slowrun.Data.Corpus;

namespace Slowrun.Data.Tokenizers;

/// <summary>Bytes as tokens; the same ids as <see cref="ByteTokens"/>.</summary>
internal sealed class ByteTokenizer : TextTokenizer
{
    public const string TokenizerName = ByteTokens.Name;

    private static readonly byte[] All = [.. Enumerable.Range(0, ByteTokens.DocumentStart).Select(value => (byte)value)];

    public override string Name => TokenizerName;

    public override string? VocabularySha256 => null;

    public override ushort DocumentStart => ByteTokens.DocumentStart;

    public override IReadOnlyList<int>? TokenBytes => null;

    public override TokenEncoder NewEncoder() => new Encoder();

    public override ReadOnlySpan<byte> BytesOf(int id) => id == DocumentStart ? [] : All.AsSpan(id, 1);

    private sealed class Encoder : TokenEncoder
    {
        public override void Encode(ReadOnlySpan<byte> utf8, IBufferWriter<ushort> ids)
        {
            var into = ids.GetSpan(utf8.Length);
            for (var i = 0; i < utf8.Length; i++)
            {
                into[i] = utf8[i];
            }

            ids.Advance(utf8.Length);
        }
    }
}
