using Slowrun.Core.Stages;
using Slowrun.Storage;

namespace Slowrun.Grains.Slots;

/// <summary>What this silo has against its store, where that is watched.</summary>
internal sealed class StoreTroubles(IObjectStore store)
{
    public IReadOnlyList<StoreTrouble> Now => store is WatchedStore watched ? watched.Troubles : [];
}
