using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>A durable file that has no object's name yet; deleted when disposed unless it was renamed.</summary>
internal sealed class TemporaryFile(string path) : IDisposable
{
    private bool renamed;

    public string Path => path;

    /// <summary>When it was written, as its file system keeps it.</summary>
    public DateTimeOffset ModifiedAt { get; private set; }

    /// <summary>Opens it for writing, for its owner alone; fails where it exists.</summary>
    public SafeFileHandle Create() => PosixAt.CreateFile(path);

    /// <summary>Writes down when it was written. Whatever is synchronised next makes this durable too.</summary>
    public void Date(SafeFileHandle file, DateTimeOffset writtenAt)
    {
        File.SetLastWriteTimeUtc(file, writtenAt.UtcDateTime);
        ModifiedAt = File.GetLastWriteTimeUtc(file);
    }

    /// <summary>Moves its date just past that of the file which it replaces, where the clock has not moved so far.</summary>
    public void DateAfter(DateTimeOffset replaced)
    {
        // A file of a clock that was far ahead is no measure.
        for (var step = TimeSpan.FromTicks(1); ModifiedAt <= replaced && replaced - ModifiedAt < TimeSpan.FromMinutes(1); step *= 10)
        {
            // Some file systems keep microseconds, or whole seconds.
            File.SetLastWriteTimeUtc(path, (replaced + step).UtcDateTime);
            ModifiedAt = File.GetLastWriteTimeUtc(path);
        }
    }

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
