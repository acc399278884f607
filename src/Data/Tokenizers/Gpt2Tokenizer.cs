using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Slowrun.Data.Tokenizers;

/// <summary>
/// GPT-2's byte-pair encoding, by Microsoft.ML.Tokenizers. Two parts are our own: the division into words (<see cref="Gpt2Words"/>) and the
/// merging of very long ones (<see cref="LongWordMerge"/>).
/// </summary>
public sealed class Gpt2Tokenizer : TextTokenizer
{
    public const string TokenizerName = "gpt2";

    // The library's time grows with the square of a word's length; below this it is the faster one.
    private const int LongWordChars = 256;

    private readonly byte[] file;
    private readonly byte[][] tokens;
    private readonly Lazy<LongWordMerge> longWords;

    public Gpt2Tokenizer()
    {
        file = Gpt2Vocabulary.File();
        tokens = Gpt2Vocabulary.Parse(file);
        longWords = new(() => new LongWordMerge(tokens));
        TokenBytes = [.. tokens.Select(token => token.Length), 0];
    }

    public override string Name => TokenizerName;

    public override string VocabularySha256 => Gpt2Vocabulary.Sha256;

    /// <summary>&lt;|endoftext|&gt;.</summary>
    public override ushort DocumentStart => Gpt2Vocabulary.Count;

    public override IReadOnlyList<int> TokenBytes { get; }

    // One library object a thread: its cache of words is behind a lock.
    public override TokenEncoder NewEncoder() => new Encoder(this);

    public override ReadOnlySpan<byte> BytesOf(int id) => id == DocumentStart ? [] : tokens[id];

    private sealed class Encoder : TokenEncoder
    {
        private readonly Lazy<LongWordMerge> longWords;
        private readonly Words words = new();
        private readonly TiktokenTokenizer library;

        public Encoder(Gpt2Tokenizer tokenizer)
        {
            longWords = tokenizer.longWords;
            library = TiktokenTokenizer.Create(
                new MemoryStream(tokenizer.file),
                words,
                normalizer: null,
                specialTokens: null,
                cacheSize: 32_768
            );
        }

        public override void Encode(ReadOnlySpan<byte> utf8, IBufferWriter<ushort> ids)
        {
            var text = Encoding.UTF8.GetString(utf8);
            if (words.Divide(text) <= LongWordChars)
            {
                Write(library.EncodeToIds(text, considerPreTokenization: true, considerNormalization: false), ids);
                return;
            }

            var at = 0;
            foreach (var (offset, length) in words.Found)
            {
                var word = text.AsSpan(offset, length);
                var bytes = Encoding.UTF8.GetByteCount(word);
                if (length > LongWordChars)
                {
                    longWords.Value.Encode(utf8.Slice(at, bytes), ids);
                }
                else
                {
                    Write(library.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false), ids);
                }

                at += bytes;
            }
        }

        private static void Write(IReadOnlyList<int> from, IBufferWriter<ushort> ids)
        {
            var into = ids.GetSpan(from.Count);
            for (var i = 0; i < from.Count; i++)
            {
                into[i] = (ushort)from[i];
            }

            ids.Advance(from.Count);
        }
    }

    /// <summary>Hands the words of a text to the library, which were found before it asks.</summary>
    private sealed class Words : PreTokenizer
    {
        public List<(int Offset, int Length)> Found { get; } = [];

        /// <returns>The longest word's length.</returns>
        public int Divide(string text)
        {
            Found.Clear();
            var longest = 0;
            for (var at = 0; at < text.Length; )
            {
                var length = Gpt2Words.LengthAt(text, at);
                Found.Add((at, length));
                longest = Math.Max(longest, length);
                at += length;
            }

            return longest;
        }

        public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => Found;

        public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => Found;
    }
}
