using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Stages;

/// <summary>Reads and checks what a take depends on, apart from the stage's root: teacher, predecessor, inputs, intent, memory and
/// arithmetic.</summary>
internal sealed class TakePreparation(
    IObjectStore store,
    TokenSets tokens,
    StageInputsLoader inputs,
    Fingerprints fingerprints,
    SlotSensors sensors,
    TakeRefusals refusals
)
{
    // A chain may have hundreds of stages that all teach, and a cloud store answers in tens of milliseconds.
    private const int RootsAtOnce = 16;

    /// <param name="siloName">For people.</param>
    /// <returns>Null with the reason why the stage cannot be taken here now.</returns>
    /// <exception cref="InvalidDataException">An input is missing or damaged.</exception>
    public async Task<(PreparedTake? Take, string? Refusal)> ReadAsync(
        RunDocuments documents,
        RunSpec spec,
        StagePlan plan,
        DateTimeOffset submittedAt,
        SlotOffer offer,
        string siloName,
        CancellationToken cancellationToken
    )
    {
        var (run, id) = (documents.Run, plan.Id);
        var teachers = await TeachersAsync(documents, plan, cancellationToken);
        if (TakeDecision.RefusalOfTeachers(plan, teachers) is { } untaught)
        {
            return (null, untaught);
        }

        plan = plan.TaughtBy(run, [.. teachers.Select(snapshot => snapshot!.Sha256)]);
        var teacher = plan.Teacher is null ? null : teachers[0];

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

        // Weights that are taken over need no data.
        var trainTokens = plan.ImportedSha256 is null ? (await tokens.GetAsync(spec.Recipe, cancellationToken)).Train.Length : 0;
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
            fingerprint = await Task.Run(() => fingerprints.OfTake(offer.Slots[0], plan), cancellationToken);
        }
        catch (DeviceRefusedException e)
        {
            await refusals.TellOnceAsync(run, id, e.Message, siloName);
            return (null, e.Message);
        }

        var prepared = new PreparedTake(
            spec,
            plan,
            Identity(spec.Recipe, teacher?.Sha256 ?? plan.TeacherEnsemble?.ContentSha256(), fingerprint) with
            {
                PredecessorSha256 = await FinalStateHashAsync(run, plan.Predecessor, predecessor, cancellationToken),
            },
            StageSteps.Of(plan, trainTokens),
            submittedAt,
            id.Before is { } earlier ? await FinishedAtAsync(documents, earlier, cancellationToken) : null,
            teacher,
            predecessor,
            intent.Retries.GetValueOrDefault(id.ToString()),
            intent.Adoptions.GetValueOrDefault(id.ToString())
        );
        return (prepared, null);
    }

    /// <summary>The snapshot of each stage of its run that teaches; null: it has not finished.</summary>
    private static async Task<SnapshotRef?[]> TeachersAsync(RunDocuments documents, StagePlan plan, CancellationToken cancellationToken)
    {
        var stages = plan.TeacherStages.ToArray();
        var snapshots = new SnapshotRef?[stages.Length];
        await Parallel.ForAsync(
            0,
            stages.Length,
            new ParallelOptions { MaxDegreeOfParallelism = RootsAtOnce, CancellationToken = cancellationToken },
            async (i, stop) => snapshots[i] = (await documents.TryReadRootAsync(stages[i], stop))?.Snapshot
        );
        return snapshots;
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

    private static async Task<DateTimeOffset?> FinishedAtAsync(RunDocuments documents, StageId id, CancellationToken cancellationToken) =>
        await documents.TryReadRootAsync(id, cancellationToken) is { Finished: true } root ? root.Ledger.Until ?? root.WrittenAt : null;
}
