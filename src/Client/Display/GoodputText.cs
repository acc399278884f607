using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Ledger;
using Slowrun.Core.Status;
using Slowrun.Reading.Costs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>Where a run's time went, for people: bars for the run, a line a stage, and the optimum.</summary>
internal static class GoodputText
{
    private const int BarCells = 30;

    public static IRenderable Of(RunStatus status, RunLedger ledger, RunCost cost)
    {
        var parts = new List<IRenderable> { new Text(Headline(status, ledger)), new Text(""), Bars(ledger), new Text(""), Stages(status) };
        parts.AddRange(Optimum(ledger).Prepend("").Select(line => new Text(line)));
        if (CostText.Line(cost) is { } line)
        {
            parts.Add(new Text(line));
        }

        return new Rows(parts);
    }

    private static string Headline(RunStatus status, RunLedger ledger)
    {
        var goodput = ledger.Goodput is { } share ? Invariant($"goodput {share:P1}") : "no time spent yet";
        return Invariant($"{status.Title} · {status.StateText} · {goodput} · {Human.Time(ledger.WallSeconds)} of wall-clock time in ")
            + Invariant($"{ledger.ChainCount} {(ledger.ChainCount == 1 ? "chain" : "chains")} · ")
            + Invariant($"{Human.Plural(ledger.MachinesLost, "machine")} lost ({Human.Plural(ledger.Preemptions, "stage preemption")}), ")
            + Invariant($"{Human.Plural(ledger.LostSteps, "step")} lost");
    }

    private static Table Bars(RunLedger ledger)
    {
        var table = new Table()
            .Border(TableBorder.None)
            .AddColumn("ACCOUNT")
            .AddColumn(new TableColumn("TIME").RightAligned())
            .AddColumn(new TableColumn("SHARE").RightAligned())
            .AddColumns("", "");
        foreach (var account in LedgerAccount.OfRun)
        {
            var seconds = account.Seconds(ledger.Chains);
            if (!account.Counts)
            {
                Uncounted(account.Name, account.Meaning, seconds);
                continue;
            }

            var share = ledger.CountedSeconds > 0 ? seconds / ledger.CountedSeconds : 0;
            table.AddRow(
                new Text(account.Name),
                new Text(Exact(seconds)),
                new Text(Invariant($"{share:P1}")),
                new Text(Bar(share)),
                new Text(account.Meaning)
            );
        }

        Uncounted("ended", "this chain done, others not", ledger.EndedSeconds);
        return table;

        void Uncounted(string name, string meaning, double seconds) =>
            table.AddRow(new Text(name), new Text(Exact(seconds)), new Text("-"), new Text(""), new Text($"{meaning} (not in goodput)"));
    }

    private static Table Stages(RunStatus status)
    {
        var table = new Table().Border(TableBorder.None).AddColumn("STAGE");
        foreach (var account in LedgerAccount.All)
        {
            table.AddColumn(new TableColumn(account.Name.ToUpperInvariant()).RightAligned());
        }

        foreach (var stage in status.Stages.Where(stage => stage.Ledger is not null))
        {
            table.AddRow(
                [new Text(stage.Id.ToString()), .. LedgerAccount.All.Select(account => new Text(Exact(account.Seconds(stage.Ledger!))))]
            );
        }

        return table;
    }

    private static IEnumerable<string> Optimum(RunLedger ledger)
    {
        if (ledger.Optimum is not { } best)
        {
            yield return ledger.Preemptions == 0
                ? "No machine was lost, so there is no optimum to compare this with."
                : "No checkpoint was measured yet, so there is no optimum to compare this with.";
            yield break;
        }

        yield return Invariant(
            $"At best {best.Share:P1} of the time could count, with a checkpoint every {best.IntervalSeconds:F2} s; this run "
        ) + Invariant($"has {best.Reached:P1} of that (Daly 2006):");
        yield return $"  {DalyOptimum.Formula}";
        yield return Invariant(
            $"  M = {best.BetweenLossesSeconds:F1} s owned for each loss, δ = {best.CheckpointCostSeconds * 1e3:F1} ms for a "
        )
            + Invariant($"checkpoint, D = {best.DetectionSeconds:F2} s until a loss was noticed, R = {best.RecoverySeconds:F2} s to ")
            + Invariant($"restore: all measured in this run.");
    }

    private static string Bar(double share)
    {
        var eighths = (int)Math.Round(share * BarCells * 8);
        return new string('█', eighths / 8) + (eighths % 8 is > 0 and var rest ? ((char)('█' + (8 - rest))).ToString() : "");
    }

    /// <summary>Tenths for what is short: losses are.</summary>
    private static string Exact(double seconds) =>
        seconds < 600 ? seconds.ToString("0.0 's'", CultureInfo.InvariantCulture) : Human.Time(seconds);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
