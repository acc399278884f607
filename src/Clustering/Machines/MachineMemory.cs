using System.Globalization;

namespace Slowrun.Clustering.Machines;

/// <summary>Memory that processes of this machine, or of this container, may use.</summary>
/// <param name="TotalBytes">All memory, or the lowest limit of the control groups above this process.</param>
/// <param name="FreeBytes">What could be allocated now without swapping.</param>
public sealed record MachineMemory(long TotalBytes, long FreeBytes)
{
    /// <returns>Null where the system does not report it.</returns>
    public static MachineMemory? Read() => Read("/");

    /// <param name="root">In place of <c>/</c>, for tests.</param>
    internal static MachineMemory? Read(string root)
    {
        if (
            Fields(Path.Combine(root, "proc/meminfo"), 1024) is not { } machine
            || !machine.TryGetValue("MemTotal", out var total)
            || !machine.TryGetValue("MemAvailable", out var free)
        )
        {
            return null;
        }

        var memory = new MachineMemory(total, free);
        foreach (var group in Groups(root))
        {
            memory = group.Within(memory);
        }

        return memory;
    }

    /// <summary>Control groups of this process that may bound its memory, of version 2 and 1, from its own up to the topmost.</summary>
    private static IEnumerable<ControlGroup> Groups(string root)
    {
        foreach (var line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // hierarchy:controllers:path; version 2 has neither number nor controllers.
            if (line.Split(':', 3) is not [_, var controllers, var path])
            {
                continue;
            }

            var second = controllers.Length == 0;
            if (!second && !controllers.Split(',').Contains("memory"))
            {
                continue;
            }

            var top = Path.Combine(root, second ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
            for (var at = path.Trim('/'); ; at = Path.GetDirectoryName(at) ?? "")
            {
                yield return new ControlGroup(Path.Combine(top, at), second);
                if (at.Length == 0)
                {
                    break;
                }
            }
        }
    }

    private static Dictionary<string, long>? Fields(string file, long unit)
    {
        var fields = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in Lines(file))
        {
            if (line.Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries) is [var name, var number, ..] && Number(number) is { } value)
            {
                fields[name] = value * unit;
            }
        }

        return fields.Count > 0 ? fields : null;
    }

    private static IReadOnlyList<string> Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <returns>Null for "max", and for what is no number.</returns>
    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private sealed class ControlGroup(string folder, bool second)
    {
        public MachineMemory Within(MachineMemory above)
        {
            if (Read(second ? "memory.max" : "memory.limit_in_bytes") is not { } limit || limit >= above.TotalBytes)
            {
                return above;
            }

            var used = Read(second ? "memory.current" : "memory.usage_in_bytes") ?? 0;
            // Files that were read lately are dropped before anything is refused.
            var droppable =
                Fields(Path.Combine(folder, "memory.stat"), 1)?.GetValueOrDefault(second ? "inactive_file" : "total_inactive_file") ?? 0;
            return new MachineMemory(limit, Math.Min(above.FreeBytes, Math.Max(0, limit - used + droppable)));
        }

        private long? Read(string file) => Lines(Path.Combine(folder, file)) is [var line, ..] ? Number(line.Trim()) : null;
    }
}
