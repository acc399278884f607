using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Telemetry;

/// <summary>
/// Gauges, read when metrics are collected: this silo's slots, its owners at work, and the runs that it reads for all silos. After its
/// loss, the next reader reports those runs.
/// </summary>
internal sealed class SiloGauges : IDisposable
{
    private readonly Meter meter = new(Instruments.Name);
    private readonly ConcurrentDictionary<string, RunFacts> runs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> watched = new(StringComparer.Ordinal);
    private readonly SlotTable slots;
    private readonly SlotSensors sensors;
    private readonly TimeProvider time;

    public SiloGauges(SlotTable slots, SlotSensors sensors, StoreTroubles troubles, TimeProvider time)
    {
        (this.slots, this.sensors, this.time) = (slots, sensors, time);
        meter.CreateObservableGauge("slowrun.silo.slots", () => OfSlots(slots), "{slot}", "Slots of this silo.");
        meter.CreateObservableGauge(
            "slowrun.store.troubles",
            () => OfStore(troubles),
            "{trouble}",
            "Failures and delays that this silo sees at its store now."
        );

        OfDevices("slowrun.device.memory_used", "By", "Memory of the device in use, by whatever process.", use => use.UsedBytes);
        OfDevices("slowrun.device.memory_size", "By", "Memory of the device.", use => use.TotalBytes);
        OfDevices("slowrun.device.utilization", "1", "Share of the last moments in which the device computed.", use => use.Utilization);

        OfStages("slowrun.stage.position", "{step}", "Steps that the stage has done.", view => view.Progress.Step);
        OfStages("slowrun.stage.length", "{step}", "Steps of the whole stage.", view => view.Progress.Steps);
        OfStages("slowrun.stage.durable_position", "{step}", "The step that the stage would go on from.", view => view.DurableStep);
        OfStages("slowrun.stage.loss", "{nat}", "Training loss of the last step, per token.", view => view.Progress.TrainLossNats);
        OfStages(
            "slowrun.stage.throughput",
            "{token}/s",
            "Training tokens a second, over the last seconds.",
            view => view.Progress.TokensPerSecond
        );
        OfStages(
            "slowrun.checkpoint.interval",
            "s",
            "Between two checkpoints, as computed from their cost and the losses.",
            view => view.Interval?.TotalSeconds
        );
        OfStages("slowrun.checkpoint.age", "s", "Since the last commit of this owner, or its begin.", view => view.DurableAge.TotalSeconds);

        meter.CreateObservableGauge("slowrun.run.stages", () => Runs.SelectMany(OfStates), "{stage}", "Stages of the run in each state.");
        meter.CreateObservableGauge(
            "slowrun.run.time",
            () => Ledgers.SelectMany(OfAccounts),
            "s",
            "The run's ledger: where the chain-seconds went since its submission."
        );
        OfRuns("slowrun.run.goodput", "1", "Share of the time in hand that was training that counts.", (_, ledger) => ledger.Goodput);
        OfRuns("slowrun.run.takes", "{take}", "Takes of the run's stages so far.", (_, ledger) => ledger.Takes);
        OfRuns(
            "slowrun.run.preemptions",
            "{preemption}",
            "Owners that the run's stages have lost so far.",
            (_, ledger) => ledger.Preemptions
        );
        OfRuns("slowrun.run.lost_steps", "{step}", "Steps known to have been lost so far.", (_, ledger) => ledger.LostSteps);
        OfRuns(
            "slowrun.run.durable_steps",
            "{step}",
            "Steps of all stages that no loss can take away.",
            (facts, _) => facts.Roots.Values.Sum(root => (long)root.DurableStep)
        );
        OfRuns("slowrun.ensemble.members", "{member}", "Members scored so far.", (facts, _) => facts.ScoredMembers.Count);
        OfRuns(
            "slowrun.ensemble.loss",
            "{nat}",
            "Validation loss of the members together, per token.",
            (facts, _) => facts.EnsembleOf(facts.ScoredMembers)?.LossNats
        );
        meter.CreateObservableGauge(
            "slowrun.member.loss",
            () => Runs.SelectMany(OfMembers),
            "{nat}",
            "Validation loss of a finished stage's weights, per token."
        );
    }

    private IEnumerable<RunFacts> Runs => runs.Values;

    private IEnumerable<(RunFacts Facts, RunLedger Ledger)> Ledgers =>
        from facts in Runs
        let ledger = RunLedger.Of(facts, time.GetUtcNow())
        where ledger is not null
        select (facts, ledger);

    /// <summary>Updates a run. One that was over when this silo first saw it is not watched.</summary>
    public void Look(RunFacts facts)
    {
        if (watched.ContainsKey(facts.Spec.Name) || !Readiness.IsOver(Readiness.StateOf(facts)))
        {
            watched[facts.Spec.Name] = true;
            runs[facts.Spec.Name] = facts;
        }
    }

    /// <summary>Another silo reads the run now, and reports it.</summary>
    /// <param name="isOver">Whether it is over.</param>
    public void Leave(string run, bool isOver)
    {
        runs.TryRemove(run, out _);
        if (!isOver)
        {
            // Should this silo be its reader when it ends, it was watched.
            watched[run] = true;
        }
    }

    public void Dispose() => meter.Dispose();

    private void OfDevices(string name, string unit, string description, Func<DeviceUse, double?> value) =>
        meter.CreateObservableGauge(
            name,
            () =>
                from use in sensors.Use(slots.All) ?? []
                let seen = value(use)
                where seen is not null
                select new Measurement<double>(seen.Value, new KeyValuePair<string, object?>(Instruments.Slot, use.Slot)),
            unit,
            description
        );

    private static IEnumerable<Measurement<int>> OfStore(StoreTroubles troubles) =>
        troubles
            .Now.GroupBy(trouble => trouble.Work)
            .Select(group => new Measurement<int>(
                group.Count(),
                KeyValuePair.Create<string, object?>(Instruments.Work, group.Key.ToString().ToLowerInvariant())
            ));

    private void OfStages(string name, string unit, string description, Func<StageView, double?> value) =>
        meter.CreateObservableGauge(
            name,
            () =>
                from owner in StageTelemetry.OfLiving
                let seen = owner.View is { } view ? value(view) : null
                where seen is not null
                select new Measurement<double>(seen.Value, new(Instruments.Run, owner.Run), new(Instruments.Stage, owner.Stage)),
            unit,
            description
        );

    private void OfRuns(string name, string unit, string description, Func<RunFacts, RunLedger, double?> value) =>
        meter.CreateObservableGauge(
            name,
            () =>
                from run in Ledgers
                let seen = value(run.Facts, run.Ledger)
                where seen is not null
                select new Measurement<double>(seen.Value, new KeyValuePair<string, object?>(Instruments.Run, run.Facts.Spec.Name)),
            unit,
            description
        );

    private static IEnumerable<Measurement<int>> OfSlots(SlotTable slots)
    {
        var free = slots.Free.Count;
        yield return new(free, new KeyValuePair<string, object?>(Instruments.State, "free"));
        yield return new(slots.All.Count - free, new KeyValuePair<string, object?>(Instruments.State, "held"));
    }

    private static IEnumerable<Measurement<int>> OfStates(RunFacts facts) =>
        facts
            .Plan.Stages.CountBy(stage => Readiness.StateOf(facts, stage.Id))
            .Select(count => new Measurement<int>(
                count.Value,
                new(Instruments.Run, facts.Spec.Name),
                new(Instruments.State, Lower(count.Key))
            ));

    private static IEnumerable<Measurement<double>> OfAccounts((RunFacts Facts, RunLedger Ledger) run)
    {
        var accounts = LedgerAccount
            .OfRun.Select(account => (Account: account.Name, Seconds: account.Seconds(run.Ledger.Chains)))
            .Append((Account: "ended", Seconds: run.Ledger.EndedSeconds));
        return accounts.Select(one => new Measurement<double>(
            one.Seconds,
            new(Instruments.Run, run.Facts.Spec.Name),
            new(Instruments.Account, one.Account)
        ));
    }

    private static IEnumerable<Measurement<double>> OfMembers(RunFacts facts) =>
        from stage in facts.Plan.Stages
        let score = facts.ScoreOf(stage.Id)
        where score is not null
        select new Measurement<double>(score.LossNats, new(Instruments.Run, facts.Spec.Name), new(Instruments.Stage, stage.Id.ToString()));

#pragma warning disable CA1308 // Label values are lower case; nothing is compared.
    private static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
#pragma warning restore CA1308
}
