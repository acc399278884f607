using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Ledger;
using Slowrun.Core.Simulation;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>What a plan comes to.</summary>
/// <param name="Fleets">Null: neither a deadline nor a picture was asked for.</param>
/// <param name="Cheapest">Null: no deadline was given.</param>
internal sealed record PlanReport(
    string Name,
    string Fleet,
    PlanOutcome Outcome,
    PlannedInterval Interval,
    PlannedStore Store,
    IReadOnlyList<PlanAlternative> Alternatives,
    IReadOnlyList<PlannedOutcome>? Fleets,
    PlannedDeadline? Cheapest,
    IReadOnlyList<PlanInput> Inputs
);

/// <summary>The cheapest fleet that finishes in time; nulls: none does.</summary>
internal sealed record PlannedDeadline(
    double DeadlineSeconds,
    string? Size,
    int? Machines,
    int? StagesPerMachine,
    bool? OnDemand,
    PlanOutcome? Outcome
)
{
    public static PlannedDeadline Of(double seconds, PlannedOutcome? cheapest) =>
        new(seconds, cheapest?.Size, cheapest?.Machines, cheapest?.StagesPerMachine, cheapest?.OnDemand, cheapest?.Outcome);
}

/// <summary>What the store takes for checkpoints and snapshots, in half of the replications at most.</summary>
/// <param name="Cost">Until the run is over.</param>
/// <param name="MonthlyCostAfter">Until it is deleted.</param>
internal sealed record PlannedStore(double PerGigabyteMonth, double? Cost, double? MonthlyCostAfter)
{
    public static PlannedStore Of(PlanOutcome outcome, double price) =>
        new(price, outcome.StoreGigabyteMonths.P50 * price, outcome.StoreEndBytes.P50 / StorePrice.BytesPerGigabyte * price);
}

/// <summary>A plan for people.</summary>
internal static class PlanText
{
    public static IRenderable Of(PlanReport plan)
    {
        var parts = new List<IRenderable>
        {
            new Text($"{plan.Name} on {plan.Fleet}: simulated {Human.Plural(plan.Outcome.Replications, "time")} (--replications, --seed)."),
            new Text(""),
            Spreads(plan.Outcome),
        };
        if (plan.Outcome.FinishedShare < 1)
        {
            parts.Add(
                new Text(
                    Invariant(
                        $"Only {plan.Outcome.FinishedShare:P0} of the simulations finished within a year: machines are lost faster than it gets on."
                    )
                )
            );
        }

        parts.AddRange(
            [
                new Text(""),
                Accounts(plan.Outcome),
                new Text(""),
                new Text(Interval(plan.Interval)),
                new Text(Store(plan.Store)),
                new Text(""),
                Alternatives(plan),
            ]
        );
        if (plan.Fleets is { } fleets)
        {
            parts.AddRange([new Text(""), Fleets(RunPlanner.Best(fleets), fleets.Count)]);
        }

        if (plan.Cheapest is { } cheapest)
        {
            parts.AddRange([new Text(""), new Text(Deadline(cheapest))]);
        }

        parts.AddRange([new Text(""), Inputs(plan.Inputs)]);
        return new Rows(parts);
    }

    private static Table Spreads(PlanOutcome outcome)
    {
        var table = Columns("", "P10", "P50", "P90");
        Row("finish", outcome.FinishSeconds, Time);
        Row("cost", outcome.Cost, Money);
        Row("machine hours", outcome.MachineHours, hours => Invariant($"{hours:#,0.0}"));
        Row("goodput", outcome.Goodput, share => Invariant($"{share:P1}"));
        Row("machines lost", outcome.MachinesLost, count => Invariant($"{count:0}"));
        Row("store at most", outcome.StoreMostBytes, Bytes);
        Row("store at the end", outcome.StoreEndBytes, Bytes);
        return table;

        void Row(string name, Spread spread, Func<double?, string> text) =>
            table.AddRow(new Text(name), new Text(text(spread.P10)), new Text(text(spread.P50)), new Text(text(spread.P90)));
    }

    private static Table Accounts(PlanOutcome outcome)
    {
        var table = Columns("WHERE THE TIME GOES", "MEAN", "SHARE").AddColumn("");
        var total = outcome.Accounts.Values.Sum();
        foreach (var (name, seconds) in outcome.Accounts)
        {
            table.AddRow(
                new Text(name),
                new Text(Time(seconds)),
                new Text(Invariant($"{(total > 0 ? seconds / total : 0):P1}")),
                new Text(LedgerAccount.OfRun.FirstOrDefault(account => account.Name == name)?.Meaning ?? "this chain done, others not")
            );
        }

        return table;
    }

    private static string Interval(PlannedInterval interval) =>
        Invariant(
            $"A checkpoint every {Exact(interval.UsedSeconds)} (operations of the spec: --set operations.checkpointAtLeastEvery=…, checkpointAtMostEvery=…); each takes {interval.CostSeconds:0.###} s of training.\n"
        )
        + (
            interval is { BestSeconds: { } best, BestShare: { } share }
                ? Invariant($"Best without notices: every {Exact(best)}, when {share:P1} of a stage's time counts (Daly 2006).")
                : "Nothing is lost, so that the longest interval is best."
        );

    private static string Store(PlannedStore store) =>
        $"The store holds checkpoints and snapshots until the run is deleted: {Money(store.Cost)} until the end, {Money(store.MonthlyCostAfter)} each month after it. Not in the cost above.";

    private static Table Fleets(IReadOnlyList<PlannedOutcome> best, int of)
    {
        var table = Columns($"BEST OF {of} FLEETS: NONE IS CHEAPER AND AS FAST", "FINISH P50", "P90", "COST P50");
        foreach (var one in best)
        {
            table.AddRow(
                new Text(PlannedFleet.NameOf(one.Machines, one.Size, one.StagesPerMachine, one.OnDemand)),
                new Text(Time(one.Outcome.FinishSeconds.P50)),
                new Text(Time(one.Outcome.FinishSeconds.P90)),
                new Text(Money(one.Outcome.Cost.P50))
            );
        }

        return table;
    }

    private static Table Alternatives(PlanReport plan)
    {
        var table = Columns("INSTEAD", "FINISH P50", "P90", "COST P50", "GOODPUT P50");
        Row("(as planned)", plan.Outcome);
        foreach (var other in plan.Alternatives)
        {
            Row(other.Name, other.Outcome);
        }

        return table;

        void Row(string name, PlanOutcome outcome) =>
            table.AddRow(
                new Text(name),
                new Text(Time(outcome.FinishSeconds.P50)),
                new Text(Time(outcome.FinishSeconds.P90)),
                new Text(Money(outcome.Cost.P50)),
                new Text(Invariant($"{outcome.Goodput.P50:P1}"))
            );
    }

    private static string Deadline(PlannedDeadline deadline) =>
        deadline is { Size: { } size, Machines: { } machines, OnDemand: { } onDemand, Outcome: { } outcome }
            ? $"Cheapest for {Human.Time(deadline.DeadlineSeconds)}: {PlannedFleet.NameOf(machines, size, deadline.StagesPerMachine, onDemand)}: cost {Money(outcome.Cost.P50)} (p50), nine in ten finish within {Time(outcome.FinishSeconds.P90)}."
            : $"No fleet of these sizes finishes within {Human.Time(deadline.DeadlineSeconds)} nine times in ten: more machines than chains have nothing to do. Take faster ones (--size, --machines FILE), or fewer stages.";

    private static Table Inputs(IReadOnlyList<PlanInput> inputs)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("INPUT", "VALUE", "FROM", "CHANGE");
        foreach (var input in inputs)
        {
            table.AddRow(new Text(input.Name), new Text(input.Value), new Text(input.From), new Text(input.Change));
        }

        return table;
    }

    private static Table Columns(string first, params string[] rest)
    {
        var table = new Table().Border(TableBorder.None).AddColumn(first);
        foreach (var title in rest)
        {
            table.AddColumn(new TableColumn(title).RightAligned());
        }

        return table;
    }

    private static string Exact(double seconds) =>
        seconds < 60 ? seconds.ToString("0.0 's'", CultureInfo.InvariantCulture) : Human.Time(seconds);

    private static string Time(double? seconds) => seconds is { } known ? Exact(known) : "never";

    private static string Bytes(double? bytes) => bytes is { } known ? Human.Bytes((long)known) : "";

    private static string Money(double? cost) => Invariant($"{cost:#,0.00}");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
