using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>A durable file that has no object's name yet; deleted when disposed unless it was renamed.</summary>
internal sealed class TemporaryFile(string path) : IDisposable
{
    private bool renamed;

    public string Path => path;

    /// <summary>Opens it for writing, for its owner alone; fails where it exists.</summary>
    public SafeFileHandle Create() => PosixAt.CreateFile(path);

    public void RenameTo(string target)
    {
        Posix.Rename(path, target);
        renamed = true;
    }

    public void RenameTo(SafeFileHandle folder, string name)
    {
        PosixAt.Rename(path, folder, name);
        renamed = true;
    }

    public void Dispose()
    {
        if (!renamed)
        {
            File.Delete(path);
        }
    }
}
