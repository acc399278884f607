using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Slowrun.Data.Corpus;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Inputs;

/// <summary>
/// Token files of llm.c and modded-nanogpt: 256 int32 (20240520, version 1, number of tokens, …), then GPT-2's ids as uint16. A document
/// begins at 50256; one that a file's end cuts goes on in the next file.
/// </summary>
internal static class TokenShardReader
{
    private const int HeaderBytes = 256 * sizeof(int);
    private const int Magic = 20_240_520;
    private const int Version = 1;
    private const ushort DocumentStart = Gpt2Vocabulary.Count;

    /// <param name="continues">Whether the file before was of this kind too.</param>
    /// <exception cref="CorpusException">It is no such file, or is cut off; what was found.</exception>
    public static IEnumerable<RawPiece> Read(Stream content, string path, bool continues)
    {
        var header = new byte[HeaderBytes];
        var found = content.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false);
        var (magic, version, count) = (Int(header, 0), Int(header, 1), Int(header, 2));
        if (found < HeaderBytes || magic != Magic || version != Version || count < 1)
        {
            var what =
                found < HeaderBytes
                    ? $"it has {found} bytes, and its header alone {HeaderBytes}"
                    : $"it begins with {magic}, version {version}, {count} tokens; expected {Magic}, version {Version}, at least 1 token";
            throw new CorpusException($"'{path}' cannot be used: {what}.");
        }

        var block = new byte[TextPieces.Bytes];
        long position = 0;
        while (position < count)
        {
            var wanted = (int)Math.Min(block.Length, (count - position) * sizeof(ushort));
            if (content.ReadAtLeast(block.AsSpan(0, wanted), wanted, throwOnEndOfStream: false) < wanted)
            {
                throw new CorpusException($"'{path}' cannot be used: its header promises {count} tokens, and it ends before.");
            }

            var ids = MemoryMarshal.Cast<byte, ushort>(block.AsSpan(0, wanted)).ToArray();
            if (Array.FindIndex(ids, id => id > DocumentStart) is >= 0 and var bad)
            {
                throw new CorpusException(
                    $"'{path}' cannot be used: token {position + bad} is {ids[bad]}; GPT-2's ids end with {DocumentStart}."
                );
            }

            if (position == 0 && ids[0] != DocumentStart && !continues)
            {
                var first = Array.IndexOf(ids, DocumentStart);
                yield return RawPiece.Bad(
                    $"'{path}' begins within a document, whose beginning is in the file before. Give that too, or --skip-bad to leave it out.",
                    sizeof(ushort) * (first < 0 ? ids.Length : first)
                );
                ids = first < 0 ? [] : ids[first..];
            }

            foreach (var piece in Documents(ids))
            {
                yield return piece;
            }

            position += wanted / sizeof(ushort);
        }

        if (content.ReadByte() >= 0)
        {
            throw new CorpusException($"'{path}' cannot be used: its header promises {count} tokens, and it goes on after them.");
        }
    }

    private static IEnumerable<RawPiece> Documents(ushort[] ids)
    {
        for (var begin = 0; begin < ids.Length; )
        {
            var next = Array.IndexOf(ids, DocumentStart, begin + 1);
            var end = next < 0 ? ids.Length : next;
            yield return RawPiece.OfIds(ids.AsMemory(begin, end - begin), continues: ids[begin] != DocumentStart);
            begin = end;
        }
    }

    private static int Int(byte[] header, int index) => BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(index * sizeof(int)));
}
