namespace Slowrun.Data.Tokenizers;

/// <summary>Turns UTF-8 text into token ids of at most 16 bits. Safe to use from several threads; its encoders are not.</summary>
public abstract class TextTokenizer
{
    /// <summary>As the command line and data manifests call them.</summary>
    public static IReadOnlyList<string> Names { get; } = [ByteTokenizer.TokenizerName, Gpt2Tokenizer.TokenizerName];

    public abstract string Name { get; }

    /// <summary>SHA-256 of the vocabulary file as its makers publish it; null where there is none.</summary>
    public abstract string? VocabularySha256 { get; }

    /// <summary>The id that begins every document, which no text is encoded to.</summary>
    public abstract ushort DocumentStart { get; }

    /// <summary>UTF-8 bytes of each id; null where the data manifest need not say them.</summary>
    public abstract IReadOnlyList<int>? TokenBytes { get; }

    public int VocabSize => DocumentStart + 1;

    /// <returns>Null for a name that is none of <see cref="Names"/>.</returns>
    public static TextTokenizer? Find(string name) =>
        name switch
        {
            ByteTokenizer.TokenizerName => new ByteTokenizer(),
            Gpt2Tokenizer.TokenizerName => new Gpt2Tokenizer(),
            _ => null,
        };

    /// <summary>Makes an encoder for one thread.</summary>
    public abstract TokenEncoder NewEncoder();

    /// <summary>The bytes that an id stands for; of <see cref="DocumentStart"/>: none.</summary>
    public abstract ReadOnlySpan<byte> BytesOf(int id);
}
