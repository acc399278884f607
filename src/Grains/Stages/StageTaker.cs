using Microsoft.Extensions.Logging;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Stages;

/// <summary>Takes stages: has the take prepared (<see cref="TakePreparation"/>), raises the epoch token, and hands the stage to a
/// runner.</summary>
internal sealed partial class StageTaker(
    IObjectStore store,
    ILivingOwners living,
    TakePreparation preparation,
    StageInputsLoader inputs,
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

        var (prepared, refusal) = await preparation.ReadAsync(documents, spec, plan, submittedAt, offer, siloName, cancellationToken);
        return prepared is null
            ? (null, refusal)
            : await CommitAsync(documents, id, document, prepared, offer, siloName, cancellationToken);
    }

    /// <summary>Writes the root with a higher epoch token: again for each root that it finds, since one that counts as dead may still
    /// commit.</summary>
    private async Task<(StageRunner? Runner, string? Reason)> CommitAsync(
        RunDocuments documents,
        StageId id,
        IRootDocument document,
        PreparedTake prepared,
        SlotOffer offer,
        string siloName,
        CancellationToken cancellationToken
    )
    {
        var run = documents.Run;
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
                var work = prepared.Taken(run, root, offer.Slots);
                return await BeginAsync(work, before, request.LostSteps, loss, commit, cancellationToken);
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

    /// <summary>After the take was written: reports it, and makes the runner, unless too many takes failed before.</summary>
    private async Task<(StageRunner? Runner, string? Reason)> BeginAsync(
        StageWork work,
        StageRoot? before,
        long lostSteps,
        OwnerLoss loss,
        RootCommit commit,
        CancellationToken cancellationToken
    )
    {
        var own = new StageOwnership(work, commit, store, time);
        work.Telemetry.Taken(before, lostSteps, loss.Verdict, isExplained: loss.Words.Length > 0);
        // Behind the start of the training.
        own.TellBehind(TakeEvents.TellAsync(own, before, work.Root, lostSteps, loss));
        if (OwnerLosses.Exhausted(work.Root, loss, work.Spec.Operations, work.Retry, time.GetUtcNow()) is { } failure)
        {
            await commit.FailAsync(failure, cancellationToken: cancellationToken);
            await own.SettleAsync();
            await own.TellAsync(EventKind.StageFailed, $"{failure.Cause} {failure.Advice}");
            return (null, failure.Cause);
        }

        return (new StageRunner(work, own, inputs, time, logs.CreateLogger<StageRunner>()), null);
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
        PreparedTake prepared,
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

    [LoggerMessage(Level = LogLevel.Error, Message = "{Stage} is not taken, something that it needs is missing or damaged: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} is not taken: {Reason}")]
    private static partial void LogRefused(ILogger logger, string stage, string reason);
}
