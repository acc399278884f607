using System.Globalization;

namespace Slowrun.Silo.Hosting;

/// <summary>Reads <c>--slots</c>: <c>cpu</c> (one slot a core), <c>cpu:2</c> (two slots of a core each), <c>cuda:0,cuda:1</c> (these
/// devices).</summary>
internal static class SlotNames
{
    /// <param name="text">What the user gave; null: every CUDA device, else <c>cpu</c>.</param>
    /// <param name="cudaDevices">How many there are; called only if needed, since it may load libtorch.</param>
    /// <param name="option">Named in errors.</param>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public static IReadOnlyList<string> Parse(string? text, int cores, Func<int> cudaDevices, string option = "--slots")
    {
        if (text is null)
        {
            return cudaDevices() is > 0 and var devices ? Numbered("cuda", devices) : Numbered("cpu", cores);
        }

        var slots = text.Split(',', StringSplitOptions.TrimEntries).SelectMany(part => One(part, cores, cudaDevices, option)).ToList();
        var twice = slots.GroupBy(slot => slot).FirstOrDefault(group => group.Count() > 1);
        return twice is null
            ? slots
            : throw new FormatException($"{option} '{text}' names {twice.Key} twice; each slot is a device of its own.");
    }

    private static IReadOnlyList<string> One(string part, int cores, Func<int> cudaDevices, string option)
    {
        var pieces = part.Split(':');
        var number = -1;
        if (
            pieces.Length > 2
            || (pieces.Length == 2 && !int.TryParse(pieces[1], NumberStyles.None, CultureInfo.InvariantCulture, out number))
        )
        {
            throw Wrong(part, option);
        }

        return (pieces[0], number) switch
        {
            ("cpu", -1) => Numbered("cpu", cores),
            ("cpu", > 0) when number <= cores => Numbered("cpu", number),
            ("cpu", > 0) => throw new FormatException(
                $"{option} '{part}' asks for {number} CPU slots; this machine has {cores} cores, and a slot is one core."
            ),
            ("cuda", >= 0) when number < cudaDevices() => [part],
            ("cuda", >= 0) => throw new FormatException(
                $"{option} '{part}' names a CUDA device that is not here; this machine has {cudaDevices()}."
            ),
            _ => throw Wrong(part, option),
        };
    }

    private static string[] Numbered(string device, int count) =>
        [.. Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{device}:{i}"))];

    private static FormatException Wrong(string part, string option) =>
        new($"{option} has '{part}'; expected cpu (one slot a core), cpu:N (N slots), cuda:I (device I), or a list of these with commas.");
}
