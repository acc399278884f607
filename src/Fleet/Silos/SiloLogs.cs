using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Caches;
using Slowrun.Storage.Directories;

namespace Slowrun.Fleet.Silos;

/// <summary>The log files of silos that clients start.</summary>
public static class SiloLogs
{
    public const string Extension = ".log";

    /// <summary>Files kept, unless told otherwise.</summary>
    public const int Kept = 20;

    private const string Pattern = $"silo-*{Extension}";
    private const string Unplanned = "unplanned-";
    private const int LongestLine = 300;

    /// <summary>
    /// Beside a directory store's objects (a name that begins with a dot is none of them), so that the logs are where the store is; for
    /// other stores in the user's cache: in a folder that every user may write to, another user could put a link.
    /// </summary>
    public static string FolderOf(string storeAddress) =>
        StoreAddress.IsDirectory(storeAddress)
            ? Path.Combine(Path.GetFullPath(storeAddress), ".logs")
            : Path.Combine(
                FileCache.FolderOfMachine("logs"),
                Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(storeAddress)))[..12]
            );

    /// <summary>The name of a starting silo's log, without the process id; deletes the oldest logs.</summary>
    /// <param name="kept">The oldest beyond so many are deleted.</param>
    public static string NewName(string storeAddress, DateTimeOffset now, int kept = Kept)
    {
        var folder = FolderOf(storeAddress);
        PrivateFolders.Make(folder);
        KeepNewest(folder, Pattern, kept - 1);

        return Path.Combine(folder, $"silo-{now.UtcDateTime.ToString("yyyyMMdd-HHmmss-fff", CultureInfo.InvariantCulture)}");
    }

    /// <param name="name">From <see cref="NewName"/>.</param>
    public static string FileOf(string name, int processId) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}-{processId}{Extension}");

    /// <summary>The logs of silos that were started for a store on this machine, the newest first.</summary>
    public static IReadOnlyList<string> Files(string storeAddress) =>
        Directory.Exists(FolderOf(storeAddress))
            ? [.. Directory.GetFiles(FolderOf(storeAddress), Pattern).OrderDescending(StringComparer.Ordinal)]
            : [];

    /// <summary>The process whose log it is.</summary>
    public static int? ProcessOf(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return int.TryParse(name.AsSpan(name.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : null;
    }

    /// <summary>Renames the log of a silo that ended unexpectedly, so that it is kept until as many other such logs have
    /// followed.</summary>
    /// <returns>Its new name.</returns>
    public static string Keep(string file)
    {
        var folder = Path.GetDirectoryName(file)!;
        KeepNewest(folder, $"{Unplanned}*.log", Kept - 1);
        var apart = Path.Combine(folder, Unplanned + Path.GetFileName(file));
        try
        {
            File.Move(file, apart, overwrite: true);
            return apart;
        }
        catch (IOException)
        {
            return file;
        }
    }

    /// <summary>The last lines that are for people, for a message about a silo that ended; empty where there are none.</summary>
    public static string Tail(string file, int lines)
    {
        try
        {
            return string.Join(
                '\n',
                File.ReadLines(file)
                    .Where(line => !IsTrace(line))
                    .TakeLast(lines)
                    .Select(line => $"  {(line.Length > LongestLine ? line[..LongestLine] + "…" : line)}")
            );
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>Whether a line of it holds that text.</summary>
    public static bool Says(string file, string text)
    {
        try
        {
            return File.ReadLines(file).Any(line => line.Contains(text, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>How many of its lines hold that text; 0 where there is no such log.</summary>
    public static int Count(string file, string text)
    {
        try
        {
            return File.ReadLines(file).Count(line => line.Contains(text, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static void KeepNewest(string folder, string pattern, int count) =>
        Directory.GetFiles(folder, pattern).OrderDescending(StringComparer.Ordinal).Skip(count).ToList().ForEach(File.Delete);

    /// <summary>Whether a line belongs to a stack trace: for developers of Slowrun.</summary>
    public static bool IsTrace(string line) =>
        line.TrimStart() is var text
        && (text.StartsWith("at ", StringComparison.Ordinal) || text.StartsWith("---", StringComparison.Ordinal));
}
