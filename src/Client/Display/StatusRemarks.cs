using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Explain;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>The lines under a status: results so far, where the time went, the silos, what stages wait for.</summary>
internal static class StatusRemarks
{
    private const int MostSilos = 8;
    private const int MostSizes = 6;

    /// <param name="each">Whether each stage has a line of its own; otherwise those in the same state share one.</param>
    public static IEnumerable<IRenderable> Of(StatusView view, bool each)
    {
        ArgumentNullException.ThrowIfNull(view);
        var status = view.Status;
        foreach (
            var line in (string?[])
                [Members(status, each), Ensemble(status), Goodput(status.Ledger), CostText.Line(view.Cost), Silos(view), Load(view)]
        )
        {
            if (line is not null)
            {
                yield return new Text(line);
            }
        }

        foreach (var trouble in (status.StoreTroubles ?? []).Take(MostSilos))
        {
            yield return new Text(TroubleText.Of(trouble, view.Now), new Style(Color.Yellow));
        }

        if (status.Stages.Where(stage => stage.BestEffort).Select(stage => stage.Id).ToList() is { Count: > 0 } best)
        {
            yield return new Text(
                $"Best effort: {string.Join(", ", best.Take(MostSizes))}{(best.Count > MostSizes ? ", …" : "")}: bytes that "
                    + $"cannot be reproduced ('slowrun events {status.Name} --kind best-effort' and '--kind device-adopted' say "
                    + "why).",
                new Style(Color.Yellow)
            );
        }

        // A damaged root is its stage's own remark.
        foreach (var damage in (status.Damage ?? []).Where(damage => damage.Stage is null))
        {
            yield return new Text($"{damage.Why} {damage.Advice}", new Style(Color.Yellow));
        }

        // First what needs the user, last what only needs time.
        var waiting = status
            .Stages.Where(stage => stage is { State: not StageState.Waiting } and ({ Failure: not null } or { Waits: not null }))
            .ToList();
        foreach (
            var group in waiting
                .GroupBy(stage => each ? stage.Failure ?? stage.Waits : stage.State.ToString())
                .OrderBy(group => group.First().State is not (StageState.Failed or StageState.Damaged))
        )
        {
            var (stage, others) = (group.First(), group.Count() - 1);
            var who = each ? string.Join(", ", group.Select(one => one.Id)) : stage.Id.ToString();
            var alike = others > 0 && !each ? Invariant($" ({others} more {(others == 1 ? "is" : "are")} {stage.State})") : "";
            yield return stage.Failure is { } failure ? new Text($"{who} failed: {failure}{alike}", StageStates.StyleOf(StageState.Failed))
            : stage.State == StageState.Damaged
                ? new Text($"{who} is damaged: {stage.Waits}{alike}", StageStates.StyleOf(StageState.Damaged))
            : new Text($"{who}: {stage.Waits}{alike}");
        }

        // While a stage trains, those that wait for a slot need no explanation.
        var needsUser =
            waiting.Any(stage => stage.State is StageState.Failed or StageState.Damaged or StageState.Paused)
            || status.Stages.All(stage => stage.State != StageState.Training);
        if (waiting.Count > 0 && needsUser && !Readiness.IsOver(status.State))
        {
            yield return new Text($"'slowrun explain {status.Name}' says what would let it go on.");
        }
    }

    /// <summary>Where the stages' own figures have no room.</summary>
    private static string? Members(RunStatus status, bool each)
    {
        var scored = status.Stages.Where(stage => stage is { Role: ChainRole.Members, ValLossNats: not null }).ToList();
        return each || scored.Count == 0
            ? null
            : Invariant($"Members: {scored.Count} scored, {Human.Loss(scored.Min(stage => stage.ValLossNats))} to ")
                + Invariant($"{Human.Loss(scored.Max(stage => stage.ValLossNats))} nats/token; best ")
                + Invariant($"{scored.MinBy(stage => stage.ValLossNats)!.Id}");
    }

    private static string? Ensemble(RunStatus status)
    {
        if (status.Ensemble is not { Running.Count: > 1 } ensemble)
        {
            return null;
        }

        // Doubling sizes, and all: the curve is steep at first.
        var sizes = Enumerable.Range(0, 31).Select(i => 1 << i).TakeWhile(size => size < ensemble.Running.Count).ToList();
        sizes = [.. sizes.Take(MostSizes), ensemble.Running.Count];
        return "Ensemble of the first "
            + $"{string.Join(" · ", sizes.Select(size => Invariant($"{size}: {Human.Loss(ensemble.Running[size - 1])}")))} "
            + "nats/token";
    }

    private static string? Goodput(RunLedger? ledger)
    {
        if (ledger?.Goodput is not { } goodput)
        {
            return null;
        }

        var parts = LedgerAccount.OfRun.Select(account => (What: account.InSentence, Seconds: account.Seconds(ledger.Chains)));
        var losses =
            ledger.Preemptions > 0
                ? Invariant($"; {Human.Plural(ledger.MachinesLost, "machine")} lost, and at least ")
                    + Invariant($"{Human.Plural(ledger.LostSteps, "step")} with {(ledger.MachinesLost == 1 ? "it" : "them")}")
                : "";
        var sum = ledger.ChainCount > 1 ? Invariant($" (of {ledger.ChainCount} chains together)") : "";
        return $"Goodput {Human.Percent(goodput)}{sum}: "
            + $"{string.Join(", ", parts.Where(part => part.Seconds >= 1).Select(part => $"{Human.Time(part.Seconds)} {part.What}"))}"
            + $"{losses}";
    }

    private static string? Silos(StatusView view)
    {
        if (view.Silos is not { } silos || Readiness.IsOver(view.Status.State))
        {
            return null;
        }

        if (silos.Count == 0)
        {
            return "Silos: none is alive.";
        }

        var more = silos.Count > MostSilos ? Invariant($"; and {silos.Count - MostSilos} more") : "";
        var words = silos
            .Select(silo => (Silo: silo, Work: Work(view.Status, silo)))
            .OrderBy(pair => pair.Work is null)
            .Take(MostSilos)
            .Select(pair =>
                $"{pair.Silo.Name}{(pair.Silo.Active ? "" : " (joining or leaving)")} {pair.Work ?? "nothing of this run"}"
                + $"{Slots(pair.Silo)}"
            );
        return Invariant($"{silos.Count} {(silos.Count == 1 ? "silo" : "silos")}: {string.Join("; ", words)}{more}");
    }

    /// <summary>Of each silo's slots, where silos report it; else of the devices that stages train on.</summary>
    private static string? Load(StatusView view)
    {
        if (view is not { Silos: { Count: > 0 } silos, Reports.Count: > 0 } || Readiness.IsOver(view.Status.State))
        {
            return Devices(view.Status);
        }

        var reports = view.Reports.ToDictionary(report => report.Silo, StringComparer.Ordinal);
        var more = silos.Count > MostSilos ? Invariant($"; and {silos.Count - MostSilos} more") : "";
        var words = silos
            .OrderBy(silo => Work(view.Status, silo) is null)
            .Take(MostSilos)
            .Select(silo =>
            {
                var report = reports.GetValueOrDefault(silo.Silo);
                var slots = LoadText.Of(silo.Slots, report?.Devices, report?.Processors).Select(one => $"{one.Slots} {one.Load}");
                return $"{silo.Name} {string.Join(", ", slots.DefaultIfEmpty("not known"))}";
            });
        return $"Load: {string.Join("; ", words)}{more}";
    }

    private static string? Devices(RunStatus status)
    {
        var seen = status.Stages.Where(stage => stage.Devices is { Count: > 0 }).ToList();
        return seen.Count == 0
            ? null
            : "Devices: "
                + $"{string.Join("; ", seen.Take(MostSilos).Select(stage => $"{stage.Owner?.SiloName} {StageColumns.Devices(stage)}"))}"
                + $"{(seen.Count > MostSilos ? Invariant($"; and {seen.Count - MostSilos} more") : "")}";
    }

    /// <summary>The number of slots, where it does not follow from the silo's work.</summary>
    private static string Slots(LiveSilo silo) => silo.Slots.Count > 1 ? Invariant($" ({silo.Slots.Count} slots)") : "";

    private static string? Work(RunStatus status, LiveSilo silo)
    {
        var stages = status.Stages.Where(stage => stage.Owner?.Silo == silo.Silo).ToList();
        return stages.Count == 0
            ? null
            : string.Join(", ", stages.Select(stage => $"{stage.Id} on {string.Join(' ', stage.Owner!.Slots)}"));
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
