using Slowrun.Core.Tokens;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A set that does something once, at the third reading from now.</summary>
internal sealed class DisturbedTokens(TokenSet tokens) : TokenSet
{
    private int reads;

    public Action? OnThirdRead { get; set; }

    public override long Length => tokens.Length;

    public override IReadOnlyList<long> DocumentStarts => tokens.DocumentStarts;

    public override IReadOnlyList<int> TokenBytes => tokens.TokenBytes;

    public override void Read(long start, Span<int> into)
    {
        if (OnThirdRead is { } act && Interlocked.Increment(ref reads) == 3)
        {
            OnThirdRead = null;
            act();
        }

        tokens.Read(start, into);
    }
}
