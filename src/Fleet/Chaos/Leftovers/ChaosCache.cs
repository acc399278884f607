using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>A cache for the fleet alone, where its store is remote and files are to be damaged: the user's own cache stays as it
/// is.</summary>
internal sealed class ChaosCache(IObjectStore store, bool isNeeded) : IDisposable
{
    private const string Prefix = "slowrun-chaos-cache-";

    /// <summary>Null: none is needed.</summary>
    public string? Folder { get; } =
        isNeeded && !StoreAddress.IsDirectory(store.Address) ? Directory.CreateTempSubdirectory(Prefix).FullName : null;

    /// <summary>Whether a folder is such a cache by its place and name: nothing else is deleted because a mark names it.</summary>
    public static bool IsOne(string folder) =>
        Path.GetFileName(folder).StartsWith(Prefix, StringComparison.Ordinal)
        && Path.GetDirectoryName(folder) == Path.TrimEndingDirectorySeparator(Path.GetTempPath());

    public void Dispose()
    {
        if (Folder is not null)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}
