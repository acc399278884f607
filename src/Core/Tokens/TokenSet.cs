namespace Slowrun.Core.Tokens;

/// <summary>A sequence of tokens cut into documents. Immutable; safe to read from several threads.</summary>
public abstract class TokenSet
{
    public abstract long Length { get; }

    /// <summary>Position of each document's first token, ascending, beginning with 0.</summary>
    public abstract IReadOnlyList<long> DocumentStarts { get; }

    /// <summary>UTF-8 bytes that each token id stands for (special tokens: 0); bits per byte are counted with it.</summary>
    public abstract IReadOnlyList<int> TokenBytes { get; }

    /// <summary>Copies tokens [start, start + into.Length) as ids.</summary>
    public abstract void Read(long start, Span<int> into);
}
