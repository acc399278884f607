using System.Globalization;

namespace Slowrun.Fleet.Silos;

/// <summary>Counts the processes that Linux killed because memory ran out: SIGKILL itself does not show the reason.</summary>
public static class KernelMemory
{
    private const string Field = "oom_kill ";

    /// <summary>How many processes of this machine it has ended so since it was booted; 0 where that cannot be read.</summary>
    public static long Kills()
    {
        try
        {
            var line = File.ReadLines("/proc/vmstat").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
            return
                line is not null && long.TryParse(line.AsSpan(Field.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var kills)
                ? kills
                : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
