using System.Buffers;

namespace Slowrun.Data.Tokenizers;

/// <summary>A tokenizer's working half, for one thread.</summary>
public abstract class TokenEncoder
{
    /// <param name="utf8">Valid UTF-8. What looks like a special token is text like any other.</param>
    public abstract void Encode(ReadOnlySpan<byte> utf8, IBufferWriter<ushort> ids);
}
