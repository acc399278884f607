using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Runs;
using Slowrun.Client.Silos;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Slowrun.Storage;

namespace Slowrun.Client.Chaos;

/// <summary>Carries a spec out twice on the same fleet, calmly and disturbed, and compares what came out.</summary>
internal sealed class ChaosRun(ClientContext context, IObjectStore store, Action<string> tell)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    // As long without any commit is a run that does not go on by itself.
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMinutes(3);

    private readonly RunReader reader = new(store, context.Time);

    /// <exception cref="CliException">A silo serves the store already, or the run does not go on.</exception>
    public async Task<ChaosReport> RunAsync(RunSpec spec, GivenData data, int silos, int seed, IReadOnlyList<Disturbance> plan, CancellationToken stop)
    {
        if ((await reader.SilosAsync(stop)).FirstOrDefault(silo => silo.Active) is { } other)
        {
            throw new CliException(ExitCode.Failed, $"'{store.Address}' is served by {other.Name}, which would take part undisturbed. Stop it, or give chaos a --store of its own.");
        }

        var suffix = context.Time.GetUtcNow().ToString("HHmmss", CultureInfo.InvariantCulture);
        var calm = spec with { Name = $"{spec.Name}-calm-{suffix}" };
        var disturbed = spec with { Name = $"{spec.Name}-chaos-{suffix}" };
        tell($"{calm.Name}: {silos} silos, undisturbed…");
        var (calmFacts, _, calmTime) = await CarryOutAsync(calm, data, silos, [], stop);
        tell(string.Create(CultureInfo.InvariantCulture, $"{calm.Name}: {calmTime.TotalSeconds:F1} s. {disturbed.Name}: {plan.Count} disturbances, seed {seed}…"));
        var (facts, fleet, time) = await CarryOutAsync(disturbed, data, silos, plan, stop);
        var differing = calmFacts.Plan.Stages.Select(stage => stage.Id)
            .Where(id => calmFacts.RootOf(id).Snapshot?.Sha256 is not { } hash || facts.RootOf(id).Snapshot?.Sha256 != hash)
            .Select(id => id.ToString()).ToList();
        return new ChaosReport
        {
            Spec = spec.Name,
            Seed = seed,
            Silos = silos,
            CalmRun = calm.Name,
            DisturbedRun = disturbed.Name,
            Differing = differing,
            Identical = differing.Count == 0 && LossOf(calmFacts) is { } loss && loss == LossOf(facts),
            CalmSeconds = calmTime.TotalSeconds,
            DisturbedSeconds = time.TotalSeconds,
            LostSteps = facts.Roots.Values.Sum(root => root.LostSteps),
            Preemptions = facts.Roots.Values.Sum(root => root.Preemptions),
            Wanted = plan.Count,
            Disturbances = fleet.CarriedOut,
            UnplannedExits = fleet.UnplannedExits,
        };
    }

    private async Task<(RunFacts Facts, ChaosFleet Fleet, TimeSpan Time)> CarryOutAsync(
        RunSpec spec, GivenData data, int silos, IReadOnlyList<Disturbance> plan, CancellationToken stop)
    {
        await new Submission(store, tell).SubmitAsync(spec, data, stop);
        using var fleet = new ChaosFleet(SiloProgram.Find(), reader, spec.Name, silos, plan, context.Time, tell);
        var (progress, progressAt) = (-1L, context.Time.GetTimestamp());
        while (true)
        {
            var facts = await reader.FactsAsync(spec.Name, stop);
            await fleet.LookAsync(facts, stop);
            if (Readiness.IsOver(Readiness.StateOf(facts)))
            {
                var time = fleet.Age;
                await fleet.StopAsync();
                return (facts, fleet, time);
            }

            if (facts.Committed != progress)
            {
                (progress, progressAt) = (facts.Committed, context.Time.GetTimestamp());
            }
            else if (context.Time.GetElapsedTime(progressAt) > StuckAfter)
            {
                throw new CliException(
                    ExitCode.Failed,
                    $"'{spec.Name}' has committed nothing for {StuckAfter.TotalMinutes:0} minutes: {string.Join("; ", StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()).Stages.Select(stage => $"{stage.Id} {stage.State} {stage.Waits}"))}");
            }

            await Task.Delay(Look, context.Time, stop);
        }
    }

    private static double? LossOf(RunFacts facts) => facts.EnsembleOf(facts.ScoredMembers)?.LossNats;
}
