using System.Globalization;
using Slowrun.Core;

namespace Slowrun.Web.Pages;

/// <summary>Figures as the page shows them: <see cref="Human"/>, and a dash where there is none.</summary>
internal static class Figures
{
    public const string None = "–";

    public static string Time(double? seconds) =>
        seconds switch
        {
            null => None,
            < 0.95 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
            _ => Human.Time(seconds),
        };

    public static string Loss(double? nats) => nats is null ? None : Human.Loss(nats);

    public static string Count(double? number) => number is null ? None : Human.Count(number);

    public static string Counted(long number, string what) => Human.Plural(number, what);

    public static string Percent(double? share) => share is { } known ? Human.Percent(known) : None;

    public static string Moment(DateTimeOffset at) => Human.Moment(at);

    /// <summary>How long ago something was, as <c>3 s ago</c>.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => $"{Human.Time(at < now ? now - at : TimeSpan.Zero)} ago";

    /// <summary>For machines.</summary>
    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    public static string Hash(string? sha256) => sha256 is null ? None : Human.Hash(sha256);
}
