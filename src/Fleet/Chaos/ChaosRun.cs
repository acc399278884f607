using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Simulation;
using Slowrun.Fleet.Chaos.Damages;
using Slowrun.Fleet.Chaos.Leftovers;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Chaos;

/// <summary>Runs a spec twice on the same fleet, calm and disturbed, and compares the results.</summary>
/// <param name="submit">Makes a run of a spec in the store.</param>
public sealed class ChaosRun(IObjectStore store, TimeProvider time, Func<RunSpec, CancellationToken, Task> submit, Action<string> tell)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    // A dozen operations of the store, which it and the silos have other use for.
    private static readonly TimeSpan Read = TimeSpan.FromMilliseconds(200);

    // A run without a commit for this time does not go on by itself.
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMinutes(3);

    // A document that is put back at this moment may be read half.
    private const int MostReadings = 25;

    private readonly RunReader reader = new(store, time);

    /// <exception cref="NotPossibleException">A silo serves the store already, or the run does not go on.</exception>
    public async Task<ChaosReport> RunAsync(RunSpec spec, int silos, int seed, IReadOnlyList<Disturbance> plan, CancellationToken stop)
    {
        using var cache = new ChaosCache(store, isNeeded: plan.Any(one => one.Mode == ChaosMode.Damage));
        var (calm, disturbed) = await NamedAsync(spec, stop);
        var marks = new ChaosMarks(store, time, tell);
        var leftovers = new ChaosLeftovers(store, time, marks, tell);
        await using var mark = await marks.BeginAsync([calm.Name, disturbed.Name], cache.Folder, stop);
        try
        {
            await leftovers.LookAsync(mark, stop);
            await HaveToItselfAsync(stop);
            var report = await CompareAsync(calm, disturbed, spec.Name, silos, seed, plan, cache.Folder, stop);
            await mark.DeleteAsync();
            return report;
        }
        catch
        {
            await leftovers.LeaveAsync(mark, stop.IsCancellationRequested);
            throw;
        }
    }

    private async Task<ChaosReport> CompareAsync(
        RunSpec calm,
        RunSpec disturbed,
        string name,
        int silos,
        int seed,
        IReadOnlyList<Disturbance> plan,
        string? cacheFolder,
        CancellationToken stop
    )
    {
        tell($"{calm.Name}: {silos} silos, undisturbed…");
        var (calmFacts, _, _, calmTook, calmFirstTake) = await CarryOutAsync(calm, silos, seed, [], null, stop);
        tell(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{calm.Name}: {calmTook.TotalSeconds:F1} s. {disturbed.Name}: {plan.Count} disturbances, seed {seed}…"
            )
        );
        var (facts, fleet, damages, took, firstTake) = await CarryOutAsync(disturbed, silos, seed, plan, cacheFolder, stop);
        var differing = calmFacts
            .Plan.Stages.Select(stage => stage.Id)
            .Where(id => calmFacts.RootOf(id).Snapshot?.Sha256 is not { } hash || facts.RootOf(id).Snapshot?.Sha256 != hash)
            .Select(id => id.ToString())
            .ToList();
        return new ChaosReport
        {
            Spec = name,
            Seed = seed,
            Silos = silos,
            CalmRun = calm.Name,
            DisturbedRun = disturbed.Name,
            Differing = differing,
            Identical = differing.Count == 0 && LossOf(calmFacts) is { } loss && loss == LossOf(facts),
            CalmLossNats = LossOf(calmFacts),
            LossNats = LossOf(facts),
            CalmSeconds = calmTook.TotalSeconds,
            DisturbedSeconds = took.TotalSeconds,
            LostSteps = facts.Roots.Values.Sum(root => root.LostSteps),
            Preemptions = facts.Roots.Values.Sum(root => root.Preemptions),
            Wanted = plan.Count,
            Disturbances =
            [
                .. fleet
                    .CarriedOut.Concat(
                        damages.Select(one => new CarriedOut(one.Number, ChaosMode.Damage, one.Kind, null, one.AtSeconds, null))
                    )
                    .OrderBy(one => one.AtSeconds),
            ],
            Damages = [.. damages.Select(DamageReport.Of)],
            UnplannedExits = fleet.UnplannedExits,
            Recorded = Recorded(),
            VotedOut = fleet.VotedOut,
            LostActivations = fleet.LostActivations,
        };

        RecordedRun? Recorded()
        {
            var explained = RunExplanation.Of(calmFacts.Spec, null, new ExplainRates(1), CheckpointWriter.LengthBytes);
            var now = time.GetUtcNow();
            List<RecordedLoss> lost = [.. fleet.CarriedOut.OrderBy(one => one.AtSeconds).Select(one => one.ToRecord())];
            return
                plan.Any(one => one.Mode is ChaosMode.Cluster or ChaosMode.Damage)
                || MeasuredRun.Of(calmFacts, explained, now) is not { } measured
                || RunLedger.Of(facts, now) is not { Goodput: { } goodput } ledger
                ? null
                : new RecordedRun
                {
                    Spec = calmFacts.Spec,
                    Machines = silos,
                    BootSeconds = calmFirstTake.TotalSeconds,
                    Calm = measured,
                    CalmSeconds = calmTook.TotalSeconds,
                    Disturbed = MeasuredRun.Of(facts, explained, now),
                    DisturbedBootSeconds = firstTake.TotalSeconds,
                    DetectionSeconds = RecordedLoss.Detection(lost, ledger.Chains.DownSeconds),
                    Losses = lost,
                    FinishedSeconds = took.TotalSeconds,
                    Goodput = goodput,
                };
        }
    }

    private async Task<(RunFacts Facts, ChaosFleet Fleet, IReadOnlyList<Damage> Damages, TimeSpan Took, TimeSpan FirstTake)> CarryOutAsync(
        RunSpec spec,
        int silos,
        int seed,
        IReadOnlyList<Disturbance> plan,
        string? cacheFolder,
        CancellationToken stop
    )
    {
        await submit(spec, stop);
        var planned = plan.ToLookup(one => one.Mode == ChaosMode.Damage);
        var damages = planned[true].Any() ? await DamagesAsync(spec.Name, [.. planned[true]], cacheFolder, seed, stop) : null;
        // Chaos need not know whether a stage's owner lives, and asking machines that have vanished takes time.
        var facts = new RunFactsReader(store);
        await using var fleet = new ChaosFleet(SiloProgram.Find(), store, ReadAsync, silos, [.. planned[false]], cacheFolder, time, tell);
        var (progress, progressAt) = (-1L, time.GetTimestamp());
        TimeSpan? firstTake = null;
        while (true)
        {
            var (now, readAt) = (await ReadAsync(stop), time.GetTimestamp());
            firstTake ??= now.Roots.Count > 0 ? fleet.Age : null;
            if (Readiness.IsOver(Readiness.StateOf(now)))
            {
                var took = fleet.Age;
                await (damages?.EndAsync(stop) ?? Task.CompletedTask);
                await fleet.StopAsync();
                return (now, fleet, damages?.Done ?? [], took, firstTake ?? took);
            }

            if (now.Committed != progress)
            {
                (progress, progressAt) = (now.Committed, time.GetTimestamp());
            }
            else if (time.GetElapsedTime(progressAt) > StuckAfter)
            {
                var stages = (await reader.StatusAsync(spec.Name, stop)).Stages;
                throw new NotPossibleException(
                    $"'{spec.Name}' has committed nothing for {StuckAfter.TotalMinutes:0} minutes: "
                        + string.Join("; ", stages.Select(stage => $"{stage.Id} {stage.State} {stage.Waits}"))
                );
            }

            await (damages?.LookAsync(now, stop) ?? Task.CompletedTask);
            while (time.GetElapsedTime(readAt) < Read)
            {
                await fleet.LookAsync(now, stop);
                await Task.Delay(Look, time, stop);
            }
        }

        async Task<RunFacts> ReadAsync(CancellationToken cancellation)
        {
            for (var readings = 1; ; readings++)
            {
                try
                {
                    return await facts.ReadAsync(spec.Name, new HashSet<string>(), cancellation)
                        ?? throw new NotFoundException(
                            $"The run '{spec.Name}' was deleted from '{store.Address}' while chaos carried it out."
                        );
                }
                catch (InvalidDataException e) when (damages is not null && readings < MostReadings)
                {
                    // Refused with the object's name, as a status would show it.
                    await damages.ToldAsync(e.Message, cancellation);
                    await Task.Delay(Read, time, cancellation);
                }
            }
        }
    }

    private async Task<ChaosDamages> DamagesAsync(
        string run,
        IReadOnlyList<Disturbance> plan,
        string? cacheFolder,
        int seed,
        CancellationToken stop
    )
    {
        var documents = new RunDocuments(store, run);
        var spec = (await documents.TryReadSpecAsync(stop))!;
        // Written as they are, so that there is something to damage.
        await documents.ChangeIntentAsync(intent => intent, stop);
        await documents.ChangeOperationsAsync(spec.Operations, operations => operations, stop);
        var folder = StoreAddress.IsDirectory(store.Address) ? Path.GetFullPath(store.Address) : null;
        var maker = new DamageMaker(store, folder, cacheFolder, run, spec.Recipe.Data.Sha256, seed);
        return new ChaosDamages(maker, store, run, plan, seed, time, tell);
    }

    /// <summary>The two runs, by names that are new in the store: two chaos of one second, on two days, are two.</summary>
    private async Task<(RunSpec Calm, RunSpec Disturbed)> NamedAsync(RunSpec spec, CancellationToken stop)
    {
        var at = time.GetUtcNow().ToString("HHmmss", CultureInfo.InvariantCulture);
        for (var tries = 1; ; tries++)
        {
            var suffix = tries == 1 ? at : string.Create(CultureInfo.InvariantCulture, $"{at}-{tries}");
            var calm = spec with { Name = $"{spec.Name}-calm-{suffix}" };
            var disturbed = spec with { Name = $"{spec.Name}-chaos-{suffix}" };
            if (!await HasAsync(calm.Name) && !await HasAsync(disturbed.Name))
            {
                return (calm, disturbed);
            }
        }

        async Task<bool> HasAsync(string run) => await store.ListNamesAsync(RunPaths.Run(run), stop).AnyAsync(stop);
    }

    /// <summary>Silos of a chaos that was ended a moment ago look alive until their heartbeats are old.</summary>
    /// <exception cref="NotPossibleException">A silo serves the store.</exception>
    private async Task HaveToItselfAsync(CancellationToken stop)
    {
        var first = (await reader.SilosAsync(stop)).Where(silo => silo.Active).ToDictionary(silo => silo.Silo);
        var told = false;
        for (var now = first.Values.ToList(); now.Count > 0; now = [.. (await reader.SilosAsync(stop)).Where(silo => silo.Active)])
        {
            if (
                now.Find(silo =>
                    silo.ProcessId is not null || !first.TryGetValue(silo.Silo, out var before) || silo.LastSign != before.LastSign
                ) is
                { } other
            )
            {
                throw new NotPossibleException(
                    $"'{store.Address}' is served by {other.Name}, which would take part undisturbed. Stop it, or give chaos a "
                        + "--store of its own."
                );
            }

            if (!told)
            {
                told = true;
                tell(
                    $"'{store.Address}' was served by {string.Join(", ", now.Select(silo => silo.Name))} a moment ago: waiting "
                        + "whether they are gone…"
                );
            }

            await Task.Delay(TimeSpan.FromSeconds(2), time, stop);
        }
    }

    private static double? LossOf(RunFacts facts) => facts.EnsembleOf(facts.ScoredMembers)?.LossNats;
}
