using Slowrun.Storage;

namespace Slowrun.Client.Cli;

/// <summary>Checks that a command's output can be written, before the work, which may take hours.</summary>
internal static class OutputPaths
{
    /// <param name="option">As the user wrote it, for the message.</param>
    /// <exception cref="CliException">The file cannot be written.</exception>
    public static void CheckFile(string path, string option)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full);
        if (Directory.Exists(full))
        {
            throw new CliException(ExitCode.Usage, $"{option}: '{path}' is a directory; expected the name of a file to write.");
        }

        if (File.Exists(folder))
        {
            throw new CliException(
                ExitCode.Usage,
                $"{option}: '{folder}' is a file, so '{path}' cannot be written. Name a file in a directory."
            );
        }

        if (folder is not null && !Directory.Exists(folder))
        {
            throw new CliException(
                ExitCode.NoSuchThing,
                $"{option}: the folder '{folder}' does not exist, so '{path}' cannot be written. Make it, or name another file."
            );
        }

        Try(
            path,
            option,
            () =>
            {
                var isNew = !File.Exists(full);
                using (new FileStream(full, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite)) { }

                if (isNew)
                {
                    File.Delete(full);
                }
            }
        );
    }

    /// <summary>Of a folder that is made where it is not there, its parents too.</summary>
    /// <exception cref="CliException">Nothing can be written there.</exception>
    public static void CheckFolder(string path, string option)
    {
        var there = Path.GetFullPath(path);
        while (!Directory.Exists(there))
        {
            if (File.Exists(there))
            {
                throw new CliException(ExitCode.Usage, $"{option}: '{there}' is a file; expected a directory, or a name for a new one.");
            }

            there = Path.GetDirectoryName(there)!;
        }

        Try(
            path,
            option,
            () =>
            {
                var probe = Path.Combine(there, $".slowrun-{Guid.NewGuid():N}");
                using (new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose)) { }
            }
        );
    }

    /// <summary>Writes a command's output: what the file system says of a file that it cannot write is told with the place that the user
    /// named.</summary>
    /// <exception cref="CliException">A file cannot be written.</exception>
    public static async Task WriteAsync(string path, string option, Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not StoreException))
        {
            throw Refused(path, option, e);
        }
    }

    private static void Try(string path, string option, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(path, option, e);
        }
    }

    private static CliException Refused(string path, string option, Exception e) =>
        new(
            ExitCode.Failed,
            $"{option}: '{path}' cannot be written: {e.Message.TrimEnd('.')}. Name another place, or make this one writable.",
            e
        );
}
