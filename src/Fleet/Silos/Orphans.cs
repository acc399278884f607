using System.Globalization;

namespace Slowrun.Fleet.Silos;

/// <summary>Recognizes silos that are about to stop because the client that started them is gone.</summary>
internal static class Orphans
{
    // As built; and as installed, where the program has the command's name.
    private const string Client = "Slowrun.Client";
    private const string InstalledClient = "slowrun";
    private const string StopsWithItsParent = "--parent-pipe";

    /// <summary>
    /// Its row in the membership says that it serves until it has committed. Waiting for that would delay a run that is continued after a
    /// kill by some seconds. The commit and the next take may collide; the epoch token decides between them.
    /// </summary>
    public static bool IsOne(int processId) =>
        CommandLine(processId) is { } silo
        && silo.Contains(StopsWithItsParent, StringComparison.Ordinal)
        && !(Parent(processId) is { } parent && CommandLine(parent) is { } command && IsClient(command));

    private static bool IsClient(string command) =>
        command.Contains(Client, StringComparison.Ordinal) || Path.GetFileName(command.Split('\0')[0]) == InstalledClient;

    private static string? CommandLine(int processId) => TryRead(processId, "cmdline");

    private static int? Parent(int processId)
    {
        const string field = "PPid:";
        var line = TryRead(processId, "status")?.Split('\n').FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));
        return int.TryParse(line?[field.Length..], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var parent)
            ? parent
            : null;
    }

    private static string? TryRead(int processId, string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
