using System.Globalization;

namespace Slowrun.Core;

/// <summary>Figures as people read them; always with a point, whatever the machine's language.</summary>
public static class Human
{
    private static readonly string[] ByteUnits = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>Decimal units, as disks and networks have them.</summary>
    public static string Bytes(long bytes)
    {
        var (number, unit) = ((double)bytes, 0);
        while (number >= 1000 && unit < ByteUnits.Length - 1)
        {
            (number, unit) = (number / 1000, unit + 1);
        }

        return unit == 0 ? FormattableString.Invariant($"{bytes} B") : FormattableString.Invariant($"{number:0.#} {ByteUnits[unit]}");
    }

    /// <summary>The two largest units of it, rounded down.</summary>
    public static string Time(TimeSpan time) =>
        time switch
        {
            { TotalSeconds: < 60 } => FormattableString.Invariant($"{Math.Max(0, Math.Floor(time.TotalSeconds))} s"),
            { TotalMinutes: < 60 } => FormattableString.Invariant($"{(int)time.TotalMinutes} min {time.Seconds:00} s"),
            { TotalHours: < 48 } => FormattableString.Invariant($"{(int)time.TotalHours} h {time.Minutes:00} min"),
            _ => FormattableString.Invariant($"{(int)time.TotalDays} d {time.Hours} h"),
        };

    public static string Time(double? seconds) => seconds is { } known ? Time(TimeSpan.FromSeconds(known)) : "";

    /// <summary>Nats with the four digits in which runs differ.</summary>
    public static string Loss(double? nats) => nats?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "";

    public static string Count(double? number) => number?.ToString("#,0", CultureInfo.InvariantCulture) ?? "";

    /// <summary>A number of things: <c>1 step</c>, <c>1,200 steps</c>.</summary>
    public static string Plural(long number, string what) => $"{Count(number)} {what}{(number == 1 ? "" : "s")}";

    /// <summary>Enough of a hash to tell one from another.</summary>
    public static string Hash(string hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        return hash.Length > 12 ? hash[..12] : hash;
    }

    public static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
