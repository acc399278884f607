namespace Slowrun.Fleet.Silos;

/// <summary>Prints what logs have new, of several in the order of their lines' times.</summary>
/// <param name="traces">Stack traces too.</param>
/// <param name="names">Each line with its silo's name.</param>
public sealed class LogPrinter(TextWriter output, bool traces, bool names)
{
    private readonly Dictionary<string, LogLines> files = new(StringComparer.Ordinal);

    /// <summary>Leaves out the present lines of these logs.</summary>
    public void Skip(IReadOnlyList<SiloLog> logs)
    {
        foreach (var log in logs)
        {
            files[log.File] = new LogLines(log.File);
            files[log.File].ReadNew();
        }
    }

    /// <param name="tail">Of each log only so many lines, the last; null: all that are new.</param>
    public void Print(IReadOnlyList<SiloLog> logs, int? tail)
    {
        var lines = new List<(string Time, string Line)>();
        foreach (var log in logs)
        {
            if (!files.TryGetValue(log.File, out var file))
            {
                files[log.File] = file = new LogLines(log.File);
            }

            var added = file.ReadNew().Where(line => traces || !SiloLogs.IsTrace(line));
            var time = "";
            foreach (var line in tail is { } most ? added.TakeLast(most) : added)
            {
                // A line that begins with no time belongs to the one before it.
                time = TimeOf(line) ?? time;
                lines.Add((time, names ? $"{log.Name}  {line}" : line));
            }
        }

        foreach (var (_, line) in lines.OrderBy(line => line.Time, StringComparer.Ordinal))
        {
            output.WriteLine(line);
        }

        output.Flush();
    }

    /// <summary>ISO 8601 in UTC, so that the order of the letters is the order of the times.</summary>
    private static string? TimeOf(string line) =>
        line.IndexOf(' ', StringComparison.Ordinal) is > 18 and var end && char.IsAsciiDigit(line[0]) ? line[..end] : null;
}
