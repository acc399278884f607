using System.Globalization;
using Slowrun.Core.Ledger;

namespace Slowrun.Web.Pages;

/// <summary>Figures as people read them.</summary>
internal static class Figures
{
    public const string None = "–";

    public static string Time(double? seconds) => seconds switch
    {
        null => None,
        < 0.95 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(seconds.Value)} s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds.Value / 60)} min {(int)(seconds.Value % 60):00} s"),
        < 172_800 => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds.Value / 3600)} h {(int)(seconds.Value / 60) % 60:00} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds.Value / 86_400)} d {(int)(seconds.Value / 3600) % 24} h"),
    };

    public static string Loss(double? nats) => nats?.ToString("0.0000", CultureInfo.InvariantCulture) ?? None;

    public static string Count(double? number) => number?.ToString("#,0", CultureInfo.InvariantCulture) ?? None;

    public static string Counted(long number, string what) => $"{Count(number)} {what}{(number == 1 ? "" : "s")}";

    public static string Percent(double? share) => share?.ToString("0.0 %", CultureInfo.InvariantCulture) ?? None;

    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>For machines.</summary>
    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    public static string Hash(string? sha256) => sha256 is null ? None : sha256.Length > 12 ? sha256[..12] : sha256;

    /// <summary>A ledger's accounts as a page names them.</summary>
    public static IEnumerable<(string Name, string About, double Seconds)> Accounts(StageLedger ledger) =>
    [
        ("training", "training whose result counts", ledger.TrainingSeconds),
        ("lost", "training that was done again", ledger.LostSeconds),
        ("restore", "fetching data, teacher and checkpoint", ledger.RestoreSeconds),
        ("stall", "waiting for a checkpoint", ledger.StallSeconds),
        ("down", "nobody there, and nobody had noticed or no silo was alive", ledger.DownSeconds),
        ("slot", "ready, and no slot was free", ledger.SlotSeconds),
        ("held", "paused, cancelled or failed", ledger.HeldSeconds),
        ("before", "waiting for the stage before it", ledger.BeforeSeconds),
    ];
}
