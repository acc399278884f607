using System.Globalization;

namespace Slowrun.Client.Cli;

/// <summary>Rates as people write them: <c>100MB</c>, <c>100MB/s</c>, <c>1.5GB/s</c>, <c>1Gbit/s</c>; units of 1000.</summary>
internal static class ByteRate
{
    public const string Expected = "expected a rate such as 100MB/s or 1Gbit/s";

    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("kbit", 1e3 / 8),
        ("Mbit", 1e6 / 8),
        ("Gbit", 1e9 / 8),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("B", 1),
    ];

    /// <returns>Bytes per second; null where the text is no rate.</returns>
    public static double? TryParse(string text)
    {
        var rest = text.Trim();
        rest = rest.EndsWith("/s", StringComparison.Ordinal) ? rest[..^2] : rest;
        var unit = Array.Find(Units, unit => rest.EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase));
        return
            unit.Unit is not null
            && double.TryParse(
                rest[..^unit.Unit.Length].TrimEnd(),
                NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out var number
            )
            && number > 0
            && double.IsFinite(number * unit.Bytes)
            ? number * unit.Bytes
            : null;
    }
}
