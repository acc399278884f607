using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Ledger;

namespace Slowrun.Web.Pages;

/// <summary>Figures as the page shows them: <see cref="Human"/>, and a dash where there is none.</summary>
internal static class Figures
{
    public const string None = "–";

    public static string Time(double? seconds) => seconds switch
    {
        null => None,
        < 0.95 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
        _ => Human.Time(seconds),
    };

    public static string Loss(double? nats) => nats is null ? None : Human.Loss(nats);

    public static string Count(double? number) => number is null ? None : Human.Count(number);

    public static string Counted(long number, string what) => $"{Count(number)} {what}{(number == 1 ? "" : "s")}";

    public static string Percent(double? share) => share is { } known ? Human.Percent(known) : None;

    public static string Moment(DateTimeOffset at) => Human.Moment(at);

    /// <summary>For machines.</summary>
    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    public static string Hash(string? sha256) => sha256 is null ? None : Human.Hash(sha256);

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
