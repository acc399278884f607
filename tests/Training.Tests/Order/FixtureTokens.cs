using Slowrun.Core.Tokens;

namespace Slowrun.Training.Tests.Order;

internal sealed class FixtureTokens(long[] tokens, long[] starts) : TokenSet
{
    public override long Length => tokens.Length;

    public override IReadOnlyList<long> DocumentStarts => starts;

    public override IReadOnlyList<int> TokenBytes => [];

    public override void Read(long start, Span<int> into)
    {
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = (int)tokens[start + i];
        }
    }
}
