using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>A durable file that has no object's name yet; deleted when disposed unless it was renamed.</summary>
internal sealed class TemporaryFile(string path) : IDisposable
{
    private bool renamed;

    public string Path => path;

    /// <summary>Opens it for writing; fails where it exists.</summary>
    public SafeFileHandle Create() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);

    public void RenameTo(string target)
    {
        Posix.Rename(path, target);
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
