using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>The result of verifying an object that a run depends on.</summary>
/// <param name="Stage">Whose it is; null: the whole run's.</param>
/// <param name="Name">The document, manifest, snapshot or data; of events the folder.</param>
public sealed record VerifiedObject(StageId? Stage, LedgerState What, string Name)
{
    internal const string RootAdvice =
        "Without its root no silo takes the stage. A silo recovers it from its copy and the newest whole checkpoint where that cannot change a byte; "
        + "'slowrun checkpoints repair' does so at once, and where a person has to decide.";

    internal const string TeacherAdvice =
        "Put the object back from a copy of the store or from an export of that run, then retry the stage: it does not train "
        + "with fewer members than it began with. Without a copy, distil what is left into a run of another name.";

    public int Step { get; init; }

    /// <summary>Of what was read; of parts and snapshots as the root has it.</summary>
    public long LengthBytes { get; init; }

    /// <summary>What is wrong with it or what it names; null: nothing.</summary>
    public string? Damage { get; init; }

    /// <summary>What to do about the damage; null where there is none.</summary>
    public string? Advice { get; init; }

    internal CheckpointRef? Checkpoint { get; init; }

    internal string AdviceFor(StageRoot root, bool previousIsWhole) =>
        What switch
        {
            LedgerState.Snapshot =>
                "Put the object back from a copy of the store or from an export. Stages that it teaches, its score and the ensemble wait for it; "
                    + "without a copy, start the run again under another name.",
            LedgerState.Previous =>
                "Nothing, as long as the current one is whole: the previous one is a reserve, and the next commit replaces it.",
            _ when root.Finished =>
                "Nothing, unless a stage goes on from this final state: the stage has finished, and its snapshot is what counts. Otherwise put the "
                    + "object back from a copy of the store.",
            _ when previousIsWhole => $"Nothing: the next take goes on from step {root.Previous!.Step} and says so in an event.",
            _ =>
                "Nothing has to be done: no checkpoint is whole, so the next take begins the stage again from its first step, with the same bytes in the end. "
                    + "A copy of the object, put back before that, saves the time.",
        };
}
