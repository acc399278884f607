using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>A cache for the fleet alone, where its store is remote and files are to be damaged: the user's own cache stays as it
/// is.</summary>
internal sealed class DamagedCache(IObjectStore store, bool isNeeded) : IDisposable
{
    /// <summary>Null: none is needed.</summary>
    public string? Folder { get; } =
        isNeeded && !StoreAddress.IsDirectory(store.Address) ? Directory.CreateTempSubdirectory("slowrun-chaos-cache-").FullName : null;

    public void Dispose()
    {
        if (Folder is not null)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}
