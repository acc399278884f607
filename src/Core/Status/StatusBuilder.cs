using System.Globalization;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Status;

/// <summary>Derives a run's status from its facts: the same in a run grain, and in a client that reads the store.</summary>
public static class StatusBuilder
{
    // A stage is taken a second after the one before it has finished; a lost owner is found out, and replaced, in some more.
    private static readonly TimeSpan BetweenStages = TimeSpan.FromSeconds(15);

    private const string NoSilo = "none is alive. Start one with 'slowrun silo'.";

    public static RunStatus Build(RunFacts facts, StatusSource source, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return new RunStatus
        {
            Name = facts.Spec.Name,
            State = Readiness.StateOf(facts),
            AliveSilos = facts.AliveSilos.Count,
            ChainsAtWork = ChainsAtWork(facts, now),
            AsOf = source == StatusSource.Cluster ? now : LastWritten(facts) ?? now,
            Source = source,
            Ensemble = Ensemble(facts),
            Ledger = RunLedger.Of(facts, now),
            Operations = facts.Spec.Operations,
            Damage = facts.Damage.Count == 0 ? null : facts.Damage,
            StoreTroubles = SiloTrouble.Of(facts),
            Stages = [.. facts.Plan.Stages.Select(stage => Stage(facts, stage, now))],
        };
    }

    /// <summary>A chain between two of its stages, or two of its owners, is not idle, unless another has taken its place.</summary>
    private static int ChainsAtWork(RunFacts facts, DateTimeOffset now)
    {
        int owned = 0,
            between = 0,
            newcomers = 0;
        foreach (var chain in facts.Plan.Stages.GroupBy(stage => stage.Id.Chain))
        {
            var roots = chain.Where(stage => facts.Roots.ContainsKey(stage.Id)).Select(stage => facts.RootOf(stage.Id)).ToList();
            if (chain.Select(stage => facts.LivingOwnerOf(stage.Id)).FirstOrDefault(owner => owner is not null) is { } owner)
            {
                owned++;
                var goesOn = roots.Exists(root => root.Finished && owner.Since - root.WrittenAt < BetweenStages);
                newcomers += now - owner.Since < BetweenStages && !goesOn ? 1 : 0;
            }
            else if (chain.Any(stage => !facts.RootOf(stage.Id).Finished))
            {
                between += facts.AliveSilos.Count > 0 && roots.Exists(root => now - root.WrittenAt < BetweenStages) ? 1 : 0;
            }
        }

        return owned + Math.Max(0, between - newcomers);
    }

    private static StageStatus Stage(RunFacts facts, StagePlan plan, DateTimeOffset now)
    {
        var id = plan.Id;
        var root = facts.RootOf(id);
        var state = Readiness.StateOf(facts, id);
        var owner = facts.LivingOwnerOf(id);
        // A report of an owner that was replaced since then is about steps that were lost.
        var progress = facts.Progress.GetValueOrDefault(id) is { } told && told.IsOf(root) ? told : null;
        var live = owner is not null && !root.Finished ? progress : null;
        var score = facts.ScoreOf(id);
        var steps = root.Steps > 0 ? root.Steps : StageSteps.Of(plan, facts.Spec.Recipe.Data.TrainTokens);
        return new StageStatus
        {
            Id = id,
            Role = plan.Role,
            State = state,
            Step = root.Finished ? steps : Math.Max(live?.Step ?? 0, root.DurableStep),
            Steps = steps,
            DurableStep = root.DurableStep,
            DurableAgeSeconds = root.Current is { } current ? Math.Max(0, (now - current.At).TotalSeconds) : null,
            Owner = owner,
            EpochToken = root.EpochToken,
            Preemptions = root.Preemptions,
            LostSteps = root.LostSteps,
            Ledger = RunLedger.Of(facts, id, now),
            BestEffort = root.Adoptions > 0 || root.Identity is { IsRepeatable: false },
            TokensPerSecond = live?.TokensPerSecond,
            SteadyTokensPerSecond = live?.SteadyTokensPerSecond,
            Devices = live?.Devices,
            TrainLossNats = progress?.TrainLossNats,
            ValLossNats = score?.LossNats,
            ValBitsPerByte = score?.BitsPerByte,
            SnapshotSha256 = root.Snapshot?.Sha256,
            Waits = Waits(facts, id, state),
            Failure = facts.FailureOf(id) is { } failure ? $"{failure.Cause} {failure.Advice}".Trim() : null,
        };
    }

    private static string? Waits(RunFacts facts, StageId id, StageState state)
    {
        var root = facts.RootOf(id);
        var stopping = facts.LivingOwnerOf(id) is { } owner ? $" {owner.SiloName} still stops it at its next micro-batch." : "";
        return state switch
        {
            StageState.Waiting => Predecessor(facts, id.Before!.Value),
            StageState.Ready => Slot(facts, root),
            StageState.Scoring => facts.AliveSilos.Count == 0 ? $"Its snapshot waits to be scored, and {NoSilo}" : null,
            StageState.Damaged => facts.DamageOf(id) is { } damage ? $"{damage.Why} {damage.Advice}" : null,
            StageState.Paused when facts.LostIntent is { } lost =>
                $"Held at step {Number(root.DurableStep)}, since it is not known what was ordered: {lost.Why} {lost.Advice}",
            StageState.Paused => $"Paused by the user at step {Number(root.DurableStep)}; 'slowrun resume' lets it go on.{stopping}",
            StageState.Cancelled => $"Cancelled by the user.{stopping}",
            StageState.Failed when facts.FailureOf(id) is { Repeats: true } =>
                "It would fail again in the same way: another recipe or other data is needed.",
            StageState.Failed => "'slowrun retry' lets it try again.",
            _ => null,
        };
    }

    private static string Predecessor(RunFacts facts, StageId before) =>
        Readiness.StateOf(facts, before) switch
        {
            StageState.Failed when facts.FailureOf(before) is { Repeats: true } =>
                $"'{before}', which it would go on from, has failed and would fail again.",
            StageState.Damaged => $"Waits for '{before}', whose root is damaged.",
            StageState.Failed => $"Waits for '{before}', which has failed; 'slowrun retry' lets that try again.",
            StageState.Cancelled => $"'{before}', which it would go on from, was cancelled.",
            StageState.Paused => $"Waits for '{before}', which is paused.",
            _ => $"Waits for '{before}' to finish.",
        };

    private static string Slot(RunFacts facts, StageRoot root)
    {
        var from = root.DurableStep > 0 ? $" to go on from step {Number(root.DurableStep)}" : "";
        var lost = root.Owner is { } owner ? $"Its silo {owner.SiloName} is gone. " : "";
        // Another machine's kernels give other bits: a started stage goes only to its like.
        var like = root.Identity is { } identity
            ? $" with numerics fingerprint {identity.NumericsFingerprint[..Math.Min(8, identity.NumericsFingerprint.Length)]}"
            : "";
        return facts.AliveSilos.Count == 0 ? $"{lost}Waits for a silo{like}{from}: {NoSilo}" : $"{lost}Waits for a free slot{like}{from}.";
    }

    private static EnsembleStatus? Ensemble(RunFacts facts)
    {
        // While a mixture of the newest members is still being computed, the largest older one of members that still count is shown.
        var bySnapshot = facts
            .ScoredMembers.Select(id => KeyValuePair.Create(facts.RootOf(id).Snapshot!.Sha256, id))
            .DistinctBy(pair => pair.Key)
            .ToDictionary();
        var ensemble =
            facts.EnsembleOf(facts.ScoredMembers)
            ?? facts
                .Ensembles.Where(candidate => candidate.Members.All(bySnapshot.ContainsKey))
                .MaxBy(candidate => candidate.Members.Count);
        return ensemble is null || ensemble.Members.Count == 0
            ? null
            : new EnsembleStatus(
                ensemble.Weights?.Count(weight => weight > 0) ?? ensemble.Members.Count,
                ensemble.LossNats,
                ensemble.BitsPerByte,
                [.. ensemble.Members.Select(hash => bySnapshot[hash])],
                ensemble.Running
            )
            {
                Weights = ensemble.Weights,
                Selections = ensemble.Selections.Count == 0 ? null : ensemble.Selections,
            };
    }

    private static DateTimeOffset? LastWritten(RunFacts facts) =>
        facts
            .Roots.Values.Select(root => (DateTimeOffset?)root.WrittenAt)
            .Concat(facts.Progress.Where(pair => pair.Value.IsOf(facts.RootOf(pair.Key))).Select(pair => (DateTimeOffset?)pair.Value.At))
            .Max();

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
