namespace Slowrun.Client.Cli;

/// <summary>Checks that files and folders to read exist and are of the right kind, before anything is started.</summary>
internal static class InputPaths
{
    /// <param name="option">As the user wrote it, for the message.</param>
    /// <exception cref="CliException">It is no file that can be read.</exception>
    public static void CheckFile(string path, string option)
    {
        // A script's variable that is not set.
        if (path.Length == 0)
        {
            throw new CliException(ExitCode.Usage, $"{option}: found an empty name; expected a file's.");
        }

        if (Directory.Exists(path))
        {
            throw new CliException(
                ExitCode.Usage,
                $"{option}: '{path}' is a directory; expected a file. Name the files in it, for example {option} {path.TrimEnd('/')}/*."
            );
        }

        try
        {
            using var file = File.OpenRead(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CliException(ExitCode.NoSuchThing, $"{option}: there is no file '{path}'.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Failed, $"{option}: the file '{path}' cannot be read: {e.Message}", e);
        }
    }
}
