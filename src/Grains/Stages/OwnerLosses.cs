using System.Globalization;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Distinguishes a stage that crashes every process that trains it from machines that are lost. A take whose process crashed before a newer
/// commit counts like one that ended with an error; one that was evicted or killed does not; one whose end is not known, or that ended by
/// itself without releasing the stage, counts a little.
/// </summary>
internal sealed class OwnerLosses(IObjectStore store, ReadySince sights, TimeProvider time)
{
    // Spot machines may be lost some times in a row before anything is durable; so often in a row is more than bad luck.
    private const int UnexplainedForOneFailure = 10;

    private readonly SiloEnds ends = new(store);

    public async Task<OwnerLoss> JudgeAsync(string run, StageId id, StageRoot? before, CancellationToken cancellationToken)
    {
        if (before is null or { Failure: not null })
        {
            return new OwnerLoss(LossVerdict.Excused);
        }

        if (before.Owner is not { } lost)
        {
            return new OwnerLoss(LossVerdict.Excused, "with an error", Pause(before.FailedTakes, before.WrittenAt));
        }

        var end = await ends.TryFindAsync(lost.Silo, cancellationToken);
        var words = end is null ? "" : $"its process {end}";
        if (before.Current?.EpochToken == before.EpochToken)
        {
            return new OwnerLoss(LossVerdict.Excused, words);
        }

        return end switch
        {
            null or { GaveUp: true } => new OwnerLoss(LossVerdict.Unexplained, words),
            { IsCrash: false } => new OwnerLoss(LossVerdict.Excused, words),
            _ => new OwnerLoss(
                LossVerdict.Crashed,
                words,
                Pause(before.FailedTakes + 1, sights.Since(run, id, before.EpochToken) ?? time.GetUtcNow())
            ),
        };
    }

    /// <summary>The failure in which a take ends at once, since too many takes before it failed; null: it may try.</summary>
    /// <param name="root">As the take wrote it.</param>
    public static StageFailure? Exhausted(StageRoot root, OwnerLoss loss, Operations operations, int retry, DateTimeOffset now)
    {
        var budget = operations.FailureBudget;
        if (loss.Verdict == LossVerdict.Crashed && root.FailedTakes >= budget)
        {
            return new StageFailure(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Training it crashed its silo: {loss.Words}. That was try {root.FailedTakes} of {budget} without a newer checkpoint."
                ),
                "The silo's log has its last messages ('slowrun logs'); 'slowrun doctor' checks a machine, 'slowrun spec explain' the memory that the recipe takes. Mend the cause, then 'slowrun retry' it.",
                retry,
                now
            );
        }

        return loss.Verdict == LossVerdict.Unexplained && root.LostTakes >= budget * UnexplainedForOneFailure
            ? new StageFailure(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{root.LostTakes} silos in a row were lost while they had it, before anything of it was durable, and it is not known {(loss.Words.Length > 0 ? $"why: of the last one {loss.Words}" : "how they ended")}."
                ),
                "Check whether the machines live long enough for one checkpoint ('slowrun events', 'slowrun goodput'), or whether it crashes its silos or keeps them from stopping ('slowrun logs'). Then 'slowrun retry' it.",
                retry,
                now
            )
            : null;
    }

    private TimeSpan? Pause(int failures, DateTimeOffset since) => TakePause.Left(failures, since, time.GetUtcNow());
}
