using Slowrun.Core;

namespace Slowrun.Client.Results.Transformers;

/// <summary>Where a folder is made that is to be whole under its name, or not there. What an interrupted command leaves has a marker in
/// it: a folder without one is somebody else's, and stays.</summary>
/// <param name="target">Full path of the folder to make.</param>
internal sealed class PartFolder(string target)
{
    private const string Marker = ".slowrun-part";
    private const string Inside = ".part";

    // proc(5): the fifth field of a line is where it is mounted, with spaces as \040.
    private readonly bool isMount = IsMountPoint(target, "/proc/self/mountinfo");

    /// <summary>The folder to write to.</summary>
    public string Path { get; } =
        IsMountPoint(target, "/proc/self/mountinfo") ? System.IO.Path.Combine(target, Inside) : $"{target}{Inside}";

    /// <summary>Whether nothing stands where the folder shall be, but for what an interrupted command left.</summary>
    public bool IsFree() =>
        !File.Exists(target) && (!Directory.Exists(target) || !Directory.EnumerateFileSystemEntries(target).Any() || (isMount && IsOurs()));

    /// <exception cref="InvalidRequestException">A folder that this program did not make is in the way.</exception>
    public void Begin()
    {
        if (Directory.Exists(Path) && !IsOurs())
        {
            throw new InvalidRequestException(
                $"'{Path}' is in the way: the export is made there first, and this folder is not what an interrupted export left (that has a file '{Marker}'). Move it, or name another folder."
            );
        }

        Remove();
        Directory.CreateDirectory(Path);
        File.WriteAllText(System.IO.Path.Combine(Path, Marker), "");
    }

    /// <summary>Puts what was written under its name.</summary>
    public void Complete()
    {
        if (isMount)
        {
            // Until the last one is moved the marker says that it is not whole, and the next export begins anew.
            foreach (var entry in Directory.EnumerateFileSystemEntries(Path).Where(entry => System.IO.Path.GetFileName(entry) != Marker))
            {
                Replace(entry, System.IO.Path.Combine(target, System.IO.Path.GetFileName(entry)));
            }

            return;
        }

        if (Directory.Exists(target))
        {
            Directory.Delete(target);
        }

        Directory.Move(Path, target);
        File.Delete(System.IO.Path.Combine(target, Marker));
    }

    /// <summary>Removes what was made, where it is not whole.</summary>
    public void Remove()
    {
        if (IsOurs())
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    /// <param name="table">A file as <c>/proc/self/mountinfo</c>.</param>
    internal static bool IsMountPoint(string path, string table) =>
        File.Exists(table)
        && File.ReadLines(table)
            .Select(line => line.Split(' '))
            .Any(fields => fields.Length > 4 && fields[4].Replace("\\040", " ", StringComparison.Ordinal) == path);

    private bool IsOurs() => File.Exists(System.IO.Path.Combine(Path, Marker));

    private static void Replace(string from, string to)
    {
        if (Directory.Exists(from))
        {
            if (Directory.Exists(to))
            {
                Directory.Delete(to, recursive: true);
            }

            Directory.Move(from, to);
        }
        else
        {
            File.Move(from, to, overwrite: true);
        }
    }
}
