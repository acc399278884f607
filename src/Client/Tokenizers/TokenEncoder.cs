using System.Buffers;

namespace Slowrun.Client.Tokenizers;

/// <summary>A tokenizer's working half, for one thread.</summary>
internal abstract class TokenEncoder
{
    /// <param name="utf8">Valid UTF-8. What looks like a special token is text like any other.</param>
    public abstract void Encode(ReadOnlySpan<byte> utf8, IBufferWriter<ushort> ids);
}
