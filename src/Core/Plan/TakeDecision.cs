using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>
/// Whether a stage may be taken, by what its documents say. Pure: the taker reads the documents, asks here, and writes the root. Each
/// refusal is a sentence for the user; null: the stage may be taken.
/// </summary>
public static class TakeDecision
{
    /// <summary>The owner that must be dead for the stage to be taken; null: there is none, or it is the silo itself.</summary>
    /// <param name="silo">The address of the silo whose slots are offered.</param>
    public static StageOwner? OwnerToAskFor(StageOwner? owner, string silo) => owner?.Silo == silo ? null : owner;

    /// <param name="living">The root's owner, where it is another silo's and alive.</param>
    public static string? RefusalOfRoot(StageRoot? root, StageOwner? living) =>
        root is { Finished: true } ? "It has finished."
        : living is not null ? $"{living.SiloName} has it."
        : null;

    /// <param name="teachers">The snapshot of each of <see cref="StagePlan.TeacherStages"/>, in their order; null: not finished.</param>
    public static string? RefusalOfTeachers(StagePlan plan, IEnumerable<SnapshotRef?> teachers)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(teachers);
        StageId[] missing = [.. plan.TeacherStages.Zip(teachers).Where(one => one.Second is null).Select(one => one.First)];
        return missing.Length == 0 ? null : $"It waits for its teacher, {missing[0]}.";
    }

    /// <param name="predecessor">The root of the stage that this one continues, where there is one.</param>
    public static string? RefusalOfPredecessor(StagePlan plan, StageRoot? predecessor)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Predecessor is { } unfinished && predecessor?.Finished != true
            ? $"It waits for the stage it continues, {unfinished}."
            : null;
    }

    public static string? RefusalOfIntent(StagePlan plan, RunIntent intent)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(intent);
        return intent.Of(plan.Id.ToString()) == DesiredState.Running ? null : "The user paused or cancelled it.";
    }
}
