using Slowrun.Core.Recipes;

namespace Slowrun.Grains.Stages;

/// <summary>A run's operations as a stage's owner last received them: written while it trains, read when needed.</summary>
internal sealed class LiveOperations(Operations first)
{
    private volatile Operations now = first;

    public Operations Now
    {
        get => now;
        set => now = value;
    }
}
