using System.Buffers;
using System.Globalization;

namespace Slowrun.Core.Specs;

/// <summary>Times as people write them: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h30m</c>, <c>2d</c>, or <c>00:05:00</c>.</summary>
public static class Duration
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    public static bool TryParse(string text, out TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(text);
        duration = default;
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out duration);
        }

        var rest = text.AsSpan().Trim();
        double seconds = 0;
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (
                digits < 1
                || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            )
            {
                return false;
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAny(Digits);
            var unit = (letters < 0 ? rest : rest[..letters]).ToString();
            var known = Array.Find(Units, candidate => candidate.Unit == unit);
            if (known.Unit is null)
            {
                return false;
            }

            seconds += number * known.Seconds;
            rest = rest[unit.Length..];
        }

        // Ten thousand years and more do not fit a TimeSpan.
        if (seconds >= TimeSpan.MaxValue.TotalSeconds)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>The short form of a time as records are serialized (<c>00:05:00</c>); null for any other text.</summary>
    public static string? ShortForm(string text) =>
        // Without a colon .NET takes a number for days, and a name or a value may be a number.
        text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var duration)
            ? Text(duration)
            : null;

    /// <summary>The shortest of the forms that <see cref="TryParse"/> reads back as the same time.</summary>
    public static string Text(TimeSpan duration)
    {
        foreach (var (unit, seconds) in Units.Reverse())
        {
            var number = duration.TotalSeconds / seconds;
            if (number >= 1 && number == Math.Floor(number))
            {
                return number.ToString(CultureInfo.InvariantCulture) + unit;
            }
        }

        return duration == TimeSpan.Zero ? "0s" : duration.ToString("c", CultureInfo.InvariantCulture);
    }
}
