using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>
/// Names of a directory store. What is neither file nor folder is listed like an object, so that its reader reports what it is; a link to a
/// folder also like a folder. Neither is followed.
/// </summary>
internal sealed class StoreListing(StoreFolders folders)
{
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    public IReadOnlyList<ObjectEntry> List(string prefix)
    {
        var entries = new List<ObjectEntry>();
        Visit(
            prefix,
            (folder, name) =>
            {
                var info = new FileInfo(Path.Combine(PathOf(folder), StoreFolders.LastOf(name)));
                // One that is deleted meanwhile counts as deleted before.
                if (info.Exists || info.LinkTarget is not null)
                {
                    entries.Add(new ObjectEntry(name, info.Exists ? info.Length : 0, info.LastWriteTimeUtc));
                }
            }
        );
        entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return entries;
    }

    /// <summary>As <see cref="List"/>, without a look at each file.</summary>
    public IReadOnlyList<string> ListNames(string prefix)
    {
        var names = new List<string>();
        Visit(prefix, (_, name) => names.Add(name));
        names.Sort(string.CompareOrdinal);
        return names;
    }

    public IReadOnlyList<string> ListFolders(string prefix)
    {
        using var folder = folders.TryOpen(prefix.TrimEnd('/'));
        return folder is null
            ? []
            :
            [
                .. Entries(folder)
                    .Where(entry => entry.MayBeFolder && HoldsAny(folder, prefix, entry.Name))
                    .Select(entry => entry.Name)
                    .Order(StringComparer.Ordinal),
            ];
    }

    private bool HoldsAny(SafeFileHandle folder, string prefix, string name)
    {
        try
        {
            using var below = folders.TryEnter(folder, name, prefix + name);
            return below is not null && Entries(below).Any(entry => !entry.MayBeFolder || HoldsAny(below, $"{prefix}{name}/", entry.Name));
        }
        catch (InvalidDataException)
        {
            // A read of anything below it reports what it is.
            return true;
        }
    }

    private void Visit(string prefix, Action<SafeFileHandle, string> found)
    {
        var begin = StoreFolders.FolderOf(prefix);
        using var folder = folders.TryOpen(begin);
        if (folder is not null)
        {
            Visit(folder, begin.Length == 0 ? "" : begin + "/", prefix, found);
        }
    }

    private void Visit(SafeFileHandle folder, string at, string prefix, Action<SafeFileHandle, string> found)
    {
        foreach (var (segment, mayBeFolder) in Entries(folder))
        {
            var name = at + segment;
            if (mayBeFolder)
            {
                VisitFolder(folder, segment, name, prefix, found);
            }
            else if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                found(folder, name);
            }
        }
    }

    private void VisitFolder(SafeFileHandle folder, string segment, string name, string prefix, Action<SafeFileHandle, string> found)
    {
        var at = name + "/";
        if (!at.StartsWith(prefix, StringComparison.Ordinal) && !prefix.StartsWith(at, StringComparison.Ordinal))
        {
            return;
        }

        using var below = PosixAt.TryOpenDirectory(folder, segment, out var kind);
        if (below is not null)
        {
            Visit(below, at, prefix, found);
        }
        // A link to a folder.
        else if (kind is not null && name.StartsWith(prefix, StringComparison.Ordinal))
        {
            found(folder, name);
        }
    }

    private static IReadOnlyList<(string Name, bool MayBeFolder)> Entries(SafeFileHandle folder)
    {
        try
        {
            return
            [
                .. new FileSystemEnumerable<(string, bool)>(
                    PathOf(folder),
                    (ref FileSystemEntry entry) => (entry.FileName.ToString(), entry.IsDirectory),
                    Everything
                )
                {
                    ShouldIncludePredicate = (ref FileSystemEntry entry) => ObjectNames.IsSegment(entry.FileName),
                },
            ];
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            // Removed since it was opened, hence empty.
            return [];
        }
    }

    /// <summary>The very folder that was opened, whatever has its name now.</summary>
    private static string PathOf(SafeFileHandle folder) => $"/proc/self/fd/{folder.DangerousGetHandle()}";
}
