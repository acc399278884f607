using Slowrun.Core.Stages;
using Slowrun.Storage;

namespace Slowrun.Grains.Slots;

/// <summary>Failures and delays that this silo sees at its store, where the store is watched.</summary>
internal sealed class StoreTroubles(IObjectStore store)
{
    public IReadOnlyList<StoreTrouble> Now => store is WatchedStore watched ? watched.Troubles : [];
}
