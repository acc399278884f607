namespace Slowrun.Storage.Directories;

/// <summary>Folders that only their owner may enter: stores, logs, caches.</summary>
public static class PrivateFolders
{
    /// <summary>Makes a folder that only its owner may enter, and those above it as the user's umask says; one that is there stays as it
    /// is.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static void Make(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(path))
        {
            return;
        }

        if (Path.GetDirectoryName(path) is { } parent)
        {
            Directory.CreateDirectory(parent);
        }

        PosixAt.MakeDirectory(path);
        // Where the name was taken by a file.
        Directory.CreateDirectory(path);
    }
}
