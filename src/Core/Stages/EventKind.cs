namespace Slowrun.Core.Stages;

/// <summary>The kinds of events (<see cref="RunEvent.Kind"/>). Programs match them, so none is renamed. <see cref="IntentChange"/> has
/// further kinds, for a user's changes.</summary>
public static class EventKind
{
    /// <summary>A silo owns the stage now and trains it.</summary>
    public const string StageTaken = "stage-taken";

    /// <summary>Its owner let go of the stage after its last commit.</summary>
    public const string StageReleased = "stage-released";

    /// <summary>All steps are done; the snapshot is stored.</summary>
    public const string StageFinished = "stage-finished";

    /// <summary>A take ended with an error, and is tried again.</summary>
    public const string StageError = "stage-error";

    /// <summary>The stage is given up until a retry is asked for.</summary>
    public const string StageFailed = "stage-failed";

    /// <summary>Its owner is gone without a release; carries what that cost.</summary>
    public const string OwnerLost = "owner-lost";

    /// <summary>A silo refuses the stage, with the reason; once for each cause.</summary>
    public const string TakeRefused = "take-refused";

    /// <summary>The stage began on a device that does not repeat its own bits.</summary>
    public const string BestEffort = "best-effort";

    /// <summary>The stage goes on with other arithmetic, as a user allowed.</summary>
    public const string DeviceAdopted = "device-adopted";

    /// <summary>The stage trains on more slots of its silo from now on, or on fewer.</summary>
    public const string WorkersChanged = "workers-changed";

    /// <summary>A checkpoint was damaged and is not used.</summary>
    public const string CheckpointDamaged = "checkpoint-damaged";

    /// <summary>The stage goes on from an older checkpoint, or from its beginning.</summary>
    public const string CheckpointFallback = "checkpoint-fallback";

    /// <summary>A checkpoint could not be stored; training goes on.</summary>
    public const string CheckpointFailed = "checkpoint-failed";

    /// <summary>A whole checkpoint was committed whose owner was lost before it could do so.</summary>
    public const string CheckpointAdopted = "checkpoint-adopted";

    /// <summary>A living owner has written its root again over an older or damaged one.</summary>
    public const string RootRestored = "root-restored";

    /// <summary>A root was recovered from its copy or its checkpoints.</summary>
    public const string RootRecovered = "root-recovered";

    /// <summary>A document was written again from its copy, or deleted to be computed again.</summary>
    public const string DocumentMended = "document-mended";

    /// <summary>A document that could not be read was replaced by a new one.</summary>
    public const string DocumentReplaced = "document-replaced";

    /// <summary>A document of the run cannot be read.</summary>
    public const string DocumentDamaged = "document-damaged";

    /// <summary>Stands for an event that cannot be read.</summary>
    public const string EventDamaged = "event-damaged";

    /// <summary>A snapshot was scored on an evaluation set.</summary>
    public const string MemberScored = "member-scored";

    /// <summary>A score was damaged and deleted; the member is scored again.</summary>
    public const string ScoreDamaged = "score-damaged";

    /// <summary>A member or the ensemble could not be scored.</summary>
    public const string ScoringFailed = "scoring-failed";

    /// <summary>A user changed operations.</summary>
    public const string OperationsChanged = "operations-changed";

    /// <summary>A user asked for another try.</summary>
    public const string RetryAsked = "retry-asked";

    /// <summary>A user lets a stage go on with other arithmetic.</summary>
    public const string AdoptionAllowed = "adoption-allowed";

    /// <summary>A client started a silo.</summary>
    public const string SiloStarted = "silo-started";

    /// <summary>A client started its silo again.</summary>
    public const string SiloRestarted = "silo-restarted";

    /// <summary>The platform announced to a silo that its machine ends.</summary>
    public const string PreemptionNotice = "preemption-notice";

    /// <summary>A silo stopped because no work was ready.</summary>
    public const string SiloIdle = "silo-idle";

    /// <summary>A receiver has confirmed a notice about the run (docs/notify.md).</summary>
    public const string NoticeSent = "notice-sent";

    /// <summary>A silo cannot send a notice, since its environment lacks a variable; another one may. Once for each silo and
    /// variable.</summary>
    public const string NoticeWaits = "notice-waits";

    /// <summary>The sending of a notice to one receiver is given up.</summary>
    public const string NoticeFailed = "notice-failed";

    /// <summary>A user asked a silo to stop.</summary>
    public const string SiloDrained = "silo-drained";
}
