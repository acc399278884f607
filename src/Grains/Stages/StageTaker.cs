using System.Globalization;
using Microsoft.Extensions.Logging;
using Slowrun.Core;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Stages;

/// <summary>Takes stages: reads what the take depends on, raises the epoch token, and hands the stage to a runner.</summary>
internal sealed partial class StageTaker(
    IObjectStore store,
    ILivingOwners living,
    TokenSets tokens,
    StageInputsLoader inputs,
    Fingerprints fingerprints,
    SlotSensors sensors,
    ReadySince sights,
    TakeRefusals refusals,
    TimeProvider time,
    ILoggerFactory logs
)
{
    // An owner that is called dead and lives may commit between a look and the take: seldom once, for the two are milliseconds apart. After
    // so many tries the offer is given up and made again.
    private const int MostLooks = 20;

    private readonly OwnerLosses losses = new(store, sights, time);
    private readonly ILogger log = logs.CreateLogger<StageTaker>();

    /// <param name="siloName">For people.</param>
    /// <returns>A runner that has not been started, or null with the reason.</returns>
    public async Task<(StageRunner? Runner, string? Reason)> TakeAsync(
        string run,
        StageId id,
        IRootDocument document,
        SlotOffer offer,
        string siloName,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            return await TakeWholeAsync(run, id, document, offer, siloName, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            // Nothing is written or counted: the inputs are checked again, ever more rarely, until the object is whole.
            LogDamaged(log, $"{run}/{id}", e.Message);
            await refusals.TellOnceAsync(run, id, e.Message, siloName);
            return (null, e.Message);
        }
    }

    private async Task<(StageRunner? Runner, string? Reason)> TakeWholeAsync(
        string run,
        StageId id,
        IRootDocument document,
        SlotOffer offer,
        string siloName,
        CancellationToken cancellationToken
    )
    {
        var documents = new RunDocuments(store, run);
        var (spec, submittedAt) =
            await documents.TryReadDatedSpecAsync(cancellationToken)
            ?? throw new InvalidOperationException($"There is no run '{run}' in {store.Address}.");
        var plan = new RunPlan(spec.Recipe)[id];
        if (await RecoverAsync(run, id, offer, siloName, cancellationToken) is { } trouble)
        {
            return (null, trouble);
        }

        document = new CopyingRootDocument(document, store, RunPaths.RootCopy(run, id));
        if (await NotForTakingAsync(await document.ReadAsync(cancellationToken), offer, cancellationToken) is { } early)
        {
            return (null, early);
        }

        var teacher = plan.Teacher is { } of ? (await documents.TryReadRootAsync(of, cancellationToken))?.Snapshot : null;
        if (TakeDecision.RefusalOfTeacher(plan, teacher) is { } untaught)
        {
            return (null, untaught);
        }

        var predecessor = plan.Predecessor is { } from ? await documents.TryReadRootAsync(from, cancellationToken) : null;
        if (TakeDecision.RefusalOfPredecessor(plan, predecessor) is { } unfinished)
        {
            return (null, unfinished);
        }

        if (await inputs.DamageAsync(new StageSources(run, spec.Recipe, plan, teacher, predecessor), cancellationToken) is { } damage)
        {
            throw new InvalidDataException(damage);
        }

        var intent = await documents.ReadIntentAsync(cancellationToken);
        if (TakeDecision.RefusalOfIntent(plan, intent) is { } held)
        {
            return (null, held);
        }

        var retry = intent.Retries.GetValueOrDefault(id.ToString());
        var trainTokens = (await tokens.GetAsync(spec.Recipe, cancellationToken)).Train.Length;
        if (sensors.Lacking(spec, plan, trainTokens, offer.Slots, WorkName.Train(run, id)) is { } lacking)
        {
            var refusal = $"{siloName} does not take it: {lacking} Its recipe cannot change; start the run under another name.";
            await refusals.TellOnceAsync(run, id, refusal, siloName, about: "memory");
            return (null, refusal);
        }

        string fingerprint;
        try
        {
            // On a GPU a training at real sizes, when it is the first of its kind.
            fingerprint = await Task.Run(() => fingerprints.Of(offer.Slots[0], plan), cancellationToken);
        }
        catch (DeviceRefusedException e)
        {
            await refusals.TellOnceAsync(run, id, e.Message, siloName);
            return (null, e.Message);
        }

        var prepared = new Prepared(
            Identity(spec.Recipe, teacher?.Sha256 ?? plan.TeacherEnsemble?.ContentSha256(), fingerprint) with
            {
                PredecessorSha256 = await FinalStateHashAsync(run, plan.Predecessor, predecessor, cancellationToken),
            },
            StageSteps.Of(plan, trainTokens),
            submittedAt,
            id.Before is { } earlier ? await FinishedAtAsync(documents, earlier, cancellationToken) : null,
            retry,
            intent.Adoptions.GetValueOrDefault(id.ToString())
        );
        var commit = new RootCommit(document, time);
        try
        {
            for (var looks = 1; ; looks++)
            {
                var before = await document.ReadAsync(cancellationToken);
                if (await NotForTakingAsync(before, offer, cancellationToken) is { } late)
                {
                    return (null, late);
                }

                var loss = await losses.JudgeAsync(run, id, before, cancellationToken);
                if (loss.WaitFor is { } wait)
                {
                    return (null, $"Its last take ended {loss.Words}; it is tried again in {wait.TotalSeconds:F0} s.");
                }

                var request = await RequestAsync(documents, id, before, prepared, loss, offer, siloName, cancellationToken);
                using var taking = Spans.Taking(run, id.ToString(), before, siloName);
                StageRoot root;
                try
                {
                    root = await commit.TakeAsync(request, cancellationToken);
                }
                catch (RootConflictException e)
                {
                    if (looks < MostLooks)
                    {
                        continue;
                    }

                    return (null, e.Message);
                }

                CrashPoint.Reached(CrashPoint.Take);
                refusals.Forget(run, id);
                var work = new StageWork(run, spec, plan, root, teacher, predecessor, offer.Slots, retry);
                var own = new StageOwnership(work, commit, store, time);
                work.Telemetry.Taken(before, request.LostSteps, loss.Verdict, isExplained: loss.Words.Length > 0);
                await TellAsync(own, before, root, request.LostSteps, loss);
                if (OwnerLosses.Exhausted(root, loss, spec.Operations, retry, time.GetUtcNow()) is { } failure)
                {
                    await commit.FailAsync(failure, cancellationToken: cancellationToken);
                    await own.TellAsync(EventKind.StageFailed, $"{failure.Cause} {failure.Advice}");
                    return (null, failure.Cause);
                }

                return (new StageRunner(work, own, inputs, time, logs.CreateLogger<StageRunner>()), null);
            }
        }
        catch (FencedException e)
        {
            return (null, e.Message);
        }
        catch (StageIdentityException e)
        {
            LogRefused(log, $"{run}/{id}", e.Message);
            await refusals.TellOnceAsync(run, id, e.Message, siloName);
            return (
                null,
                e.OnlyFingerprint
                    ? $"It waits for a slot with the numerics fingerprint {e.Begun.NumericsFingerprint[..12]}; this silo's is {e.Offered.NumericsFingerprint[..12]}, which would give other bytes."
                    : e.Message
            );
        }
    }

    /// <summary>Why a stage with this root must not be taken, whatever the offering silo has read; null: it may be.</summary>
    private async Task<string?> NotForTakingAsync(StageRoot? root, SlotOffer offer, CancellationToken cancellationToken) =>
        TakeDecision.RefusalOfRoot(root, living: null)
        ?? TakeDecision.RefusalOfRoot(root, await LivingOwnerAsync(root?.Owner, offer, cancellationToken));

    private async Task<StageOwner?> LivingOwnerAsync(StageOwner? owner, SlotOffer offer, CancellationToken cancellationToken) =>
        TakeDecision.OwnerToAskFor(owner, offer.Silo) is { } other && await living.IsAliveAsync(other, cancellationToken) ? other : null;

    /// <summary>The request for a take that finds this root; for another root, its times and lost steps would be wrong.</summary>
    private async Task<TakeRequest> RequestAsync(
        RunDocuments documents,
        StageId id,
        StageRoot? before,
        Prepared prepared,
        OwnerLoss loss,
        SlotOffer offer,
        string siloName,
        CancellationToken cancellationToken
    )
    {
        var progress = await documents.TryReadProgressAsync(id, cancellationToken);
        var now = time.GetUtcNow();
        var unowned = new UnownedTime
        {
            Root = before,
            Progress = progress,
            SubmittedAt = prepared.SubmittedAt,
            BeforeFinishedAt = prepared.BeforeFinishedAt,
            ServedSince = sights.ServedSince,
            ReadySince = sights.Since(documents.Run, id, before?.EpochToken ?? 0),
        };
        return new TakeRequest
        {
            Owner = new StageOwner(offer.Silo, siloName, offer.Slots, now) { MembershipVersion = living.MembershipVersion },
            Identity = prepared.Identity,
            Steps = prepared.Steps,
            LostSteps = unowned.LostSteps,
            Ledger = unowned.Until(now),
            Loss = loss.Verdict,
            Retry = prepared.Retry,
            Adoptions = prepared.Adoptions,
            AfterToken = offer.EpochToken ?? before?.EpochToken ?? 0,
            AfterWriteId = before?.WriteId ?? "",
        };
    }

    /// <summary>Recovers a root that is not the last one written, and commits a whole checkpoint whose owner was lost before it
    /// could.</summary>
    /// <returns>Why the stage cannot be taken now; null: it can.</returns>
    private async Task<string?> RecoverAsync(string run, StageId id, SlotOffer offer, string siloName, CancellationToken cancellationToken)
    {
        var recovery = new RootRecovery(store, run, time);
        var finding = await recovery.LookAsync(id, cancellationToken);
        if (finding is null or { Trouble: null, IsSafe: false })
        {
            return null;
        }

        if (TakeDecision.RefusalOfRoot(root: null, await LivingOwnerAsync(finding.Owner, offer, cancellationToken)) is { } has)
        {
            // The owner commits its checkpoint itself, and writes its root again over a damaged one.
            return has;
        }

        if (!finding.IsSafe)
        {
            var refusal = $"{finding.Trouble} {RootFinding.Risk} 'slowrun checkpoints repair {run}/{id}' does it all the same.";
            await refusals.TellOnceAsync(run, id, refusal, siloName);
            return refusal;
        }

        var done = await recovery.TryRecoverAsync(finding, cancellationToken);
        return finding.Trouble is null ? null
            : done ? $"Its root was recovered: {finding.Trouble} It is offered again."
            : $"{finding.Trouble} Another process has written it at this moment.";
    }

    private static StageIdentity Identity(Recipe recipe, string? teacher, string fingerprint) =>
        new()
        {
            RecipeSha256 = CanonicalJson.Sha256(recipe),
            DataSha256 = recipe.Data.Sha256!,
            TeacherSha256 = teacher,
            EngineRevision = Engine.Revision,
            NumericsFingerprint = fingerprint,
        };

    /// <summary>The hash of a final state's tensors, independent of the take that wrote it.</summary>
    private async Task<string?> FinalStateHashAsync(string run, StageId? id, StageRoot? predecessor, CancellationToken cancellationToken)
    {
        if (predecessor?.Current is not { } final)
        {
            return null;
        }

        // Verified: otherwise the take would make a damaged manifest the stage's identity, and every later take would refuse the right one.
        var manifest = await new CheckpointReader(store).ReadManifestAsync(run, id!.Value, final, predecessor.Identity, cancellationToken);
        return CanonicalJson.Sha256(manifest.Parts.Select(part => part.XxHash128));
    }

    private static async Task TellAsync(StageOwnership own, StageRoot? before, StageRoot root, long lostSteps, OwnerLoss loss)
    {
        if (before?.Owner is { } lost)
        {
            var seconds = root.Ledger.LostSeconds - before.Ledger.LostSeconds;
            var away = root.Ledger.DownSeconds + root.Ledger.SlotSeconds - before.Ledger.DownSeconds - before.Ledger.SlotSeconds;
            var told = string.Create(
                CultureInfo.InvariantCulture,
                $"{lost.SiloName} is gone with {string.Join(' ', lost.Slots)}{(loss.Words.Length > 0 ? $" ({loss.Words})" : "")}; {lostSteps} steps after step {root.DurableStep} are lost ({seconds:F1} s of training), and it had no owner for {away:F1} s."
            );
            await own.TellAsync(EventKind.OwnerLost, told, lost.SiloName, new EventCost(lostSteps, seconds, away));
        }

        if (before?.Identity is { } begun && begun != root.Identity)
        {
            await own.TellAsync(
                EventKind.DeviceAdopted,
                $"It goes on from step {root.DurableStep} with the arithmetic of {root.Identity!.NumericsFingerprint[..12]} instead of {begun.NumericsFingerprint[..12]}, as the user allowed: from here on its bytes depend on when that was."
            );
        }

        if (before?.Identity is null && root.Identity is { IsRepeatable: false })
        {
            await own.TellAsync(
                EventKind.BestEffort,
                $"{string.Join(' ', root.Owner!.Slots)} of {root.Owner.SiloName} does not give the same bits twice: the stage is trained as well, but its bytes cannot be reproduced."
            );
        }

        await own.TellAsync(
            EventKind.StageTaken,
            root.DurableStep > 0
                ? $"{root.Owner!.SiloName} goes on from step {root.DurableStep} of {root.Steps} (epoch token {root.EpochToken})."
                : $"{root.Owner!.SiloName} begins its {root.Steps} steps (epoch token {root.EpochToken})."
        );
    }

    private static async Task<DateTimeOffset?> FinishedAtAsync(RunDocuments documents, StageId id, CancellationToken cancellationToken) =>
        await documents.TryReadRootAsync(id, cancellationToken) is { Finished: true } root ? root.Ledger.Until ?? root.WrittenAt : null;

    /// <summary>The part of a take's input that no owner changes.</summary>
    /// <param name="Retry">The intent's retry number of the stage.</param>
    private sealed record Prepared(
        StageIdentity Identity,
        int Steps,
        DateTimeOffset SubmittedAt,
        DateTimeOffset? BeforeFinishedAt,
        int Retry,
        int Adoptions
    );

    [LoggerMessage(Level = LogLevel.Error, Message = "{Stage} is not taken, something that it needs is missing or damaged: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} is not taken: {Reason}")]
    private static partial void LogRefused(ILogger logger, string stage, string reason);
}
