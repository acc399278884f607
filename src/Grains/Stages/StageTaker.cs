using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training;

namespace Slowrun.Grains.Stages;

/// <summary>Takes stages: reads what the take depends on, raises the epoch token, and hands the stage to a runner.</summary>
internal sealed partial class StageTaker(
    IObjectStore store, TokenSets tokens, StageInputsLoader inputs, Fingerprints fingerprints, TimeProvider time, ILoggerFactory logs)
{
    private readonly ConcurrentDictionary<string, bool> toldRefusals = new(StringComparer.Ordinal);
    private readonly ILogger log = logs.CreateLogger<StageTaker>();

    /// <param name="siloName">For people.</param>
    /// <returns>A runner that has not been started, or null with the reason.</returns>
    public async Task<(StageRunner? Runner, string? Reason)> TakeAsync(
        string run, StageId id, IRootDocument document, SlotOffer offer, string siloName, CancellationToken cancellationToken = default)
    {
        var documents = new RunDocuments(store, run);
        var spec = await documents.TryReadSpecAsync(cancellationToken) ?? throw new InvalidOperationException($"There is no run '{run}' in {store.Address}.");
        var plan = new RunPlan(spec.Recipe)[id];
        var before = await document.ReadAsync(cancellationToken);
        if (before?.Finished == true)
        {
            return (null, "It has finished.");
        }

        var teacher = plan.Teacher is { } of ? (await documents.TryReadRootAsync(of, cancellationToken))?.Snapshot : null;
        if (plan.Teacher is { } missing && teacher is null)
        {
            return (null, $"It waits for its teacher, {missing}.");
        }

        var predecessor = plan.Predecessor is { } from ? await documents.TryReadRootAsync(from, cancellationToken) : null;
        if (plan.Predecessor is { } unfinished && predecessor?.Finished != true)
        {
            return (null, $"It waits for the stage it continues, {unfinished}.");
        }

        var retry = (await documents.ReadIntentAsync(cancellationToken)).Retries.GetValueOrDefault(id.ToString());
        var request = new TakeRequest
        {
            Owner = new StageOwner(offer.Silo, siloName, offer.Slots, time.GetUtcNow()),
            Identity = Identity(spec.Recipe, teacher, fingerprints.Of(offer.Slots[0])) with { PredecessorSha256 = await FinalStateHashAsync(run, plan.Predecessor, predecessor, cancellationToken) },
            Steps = StageSteps.Of(plan, (await tokens.GetAsync(spec.Recipe.Data.Sha256!, cancellationToken)).Train.Length),
            LostSteps = await LostStepsAsync(documents, id, before, cancellationToken),
            Retry = retry,
            AfterToken = offer.EpochToken,
        };
        var commit = new RootCommit(document, time);
        try
        {
            var root = await commit.TakeAsync(request, cancellationToken);
            CrashPoint.Reached(CrashPoint.Take);
            var work = new StageWork(run, spec, plan, root, teacher, predecessor, offer.Slots, retry);
            var own = new StageOwnership(work, commit, store, time);
            await TellAsync(own, before, root, request.LostSteps);
            return (new StageRunner(work, own, inputs, time, logs.CreateLogger<StageRunner>()), null);
        }
        catch (FencedException e)
        {
            return (null, e.Message);
        }
        catch (StageIdentityException e)
        {
            LogOtherIdentity(log, $"{run}/{id}", e.Message);
            await TellOnceAsync(run, id, e.Message);
            return (null, e.OnlyFingerprint
                ? $"It waits for a slot with the numerics fingerprint {e.Begun.NumericsFingerprint[..12]}; this silo's is {e.Offered.NumericsFingerprint[..12]}, which would give other bytes."
                : e.Message);
        }
    }

    /// <summary>Why the stage is not taken, once for each cause, where people look for it.</summary>
    private async Task TellOnceAsync(string run, StageId id, string message)
    {
        if (toldRefusals.TryAdd($"{run}/{id} {message}", true))
        {
            await new RunEvents(store, run).AppendAsync(new RunEvent(time.GetUtcNow(), "take-refused", id.ToString(), message));
        }
    }

    private static StageIdentity Identity(Recipe recipe, SnapshotRef? teacher, string fingerprint) => new()
    {
        RecipeSha256 = CanonicalJson.Sha256(recipe),
        DataSha256 = recipe.Data.Sha256!,
        TeacherSha256 = teacher?.Sha256,
        EngineRevision = Engine.Revision,
        NumericsFingerprint = fingerprint,
    };

    /// <summary>What a final state's tensors hash to, whoever wrote it at whatever take.</summary>
    private async Task<string?> FinalStateHashAsync(string run, StageId? id, StageRoot? predecessor, CancellationToken cancellationToken)
    {
        if (predecessor?.Current is not { } final)
        {
            return null;
        }

        // Verified: the take would else make a damaged manifest the stage's identity, and refuse the right one ever after.
        var manifest = await new CheckpointReader(store).ReadManifestAsync(run, id!.Value, final, predecessor.Identity, cancellationToken);
        return CanonicalJson.Sha256(manifest.Parts.Select(part => part.XxHash128));
    }

    private static async Task TellAsync(StageOwnership own, StageRoot? before, StageRoot root, long lostSteps)
    {
        if (before?.Owner is { } lost)
        {
            await own.TellAsync("owner-lost", $"{lost.SiloName} is gone with {string.Join(' ', lost.Slots)}; {lostSteps} steps after step {root.DurableStep} are lost.");
        }

        await own.TellAsync("stage-taken", root.DurableStep > 0
            ? $"{root.Owner!.SiloName} goes on from step {root.DurableStep} of {root.Steps} (epoch token {root.EpochToken})."
            : $"{root.Owner!.SiloName} begins its {root.Steps} steps (epoch token {root.EpochToken}).");
    }

    /// <summary>What the lost owner had last told beyond its last commit: a lower bound.</summary>
    private static async Task<long> LostStepsAsync(RunDocuments documents, StageId id, StageRoot? before, CancellationToken cancellationToken)
    {
        if (before?.Owner is null)
        {
            return 0;
        }

        var progress = await documents.TryReadProgressAsync(id, cancellationToken);
        return progress?.EpochToken == before.EpochToken ? Math.Max(0, progress.Step - before.DurableStep) : 0;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} is not taken: {Reason}")]
    private static partial void LogOtherIdentity(ILogger logger, string stage, string reason);
}
