using System.Text;

namespace Slowrun.Data.Tokenizers;

/// <summary>Turns tokens into text one by one. A token may end within a character: its bytes wait for the rest.</summary>
public sealed class TokenText(TextTokenizer tokenizer)
{
    // The default one: bytes that are no UTF-8 become U+FFFD.
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();

    /// <summary>What can be written once this token is there; may be empty.</summary>
    /// <param name="id">One the tokenizer does not have (a model may have a padded vocabulary) stands for no text.</param>
    public string Add(int id) => id < tokenizer.VocabSize ? Decoded(tokenizer.BytesOf(id), flush: false) : "";

    /// <summary>What is left when no token follows.</summary>
    public string End() => Decoded([], flush: true);

    private string Decoded(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> chars = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length + 4)];
        return new string(chars[..decoder.GetChars(bytes, chars, flush)]);
    }
}
