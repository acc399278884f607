using Slowrun.Core.Plan;

namespace Slowrun.Storage.Checkpoints;

/// <summary>One checkpoint folder or snapshot of a stage, as it lies in the store.</summary>
/// <param name="Name">The folder within the stage's, <c>TOKEN-STEP</c>; or <c>snapshots/SHA256</c>.</param>
public sealed record LedgerEntry(
    StageId Stage,
    string Name,
    long EpochToken,
    int Step,
    long LengthBytes,
    DateTimeOffset At,
    LedgerState State
);

public enum LedgerState
{
    /// <summary>The root's newest: what a take goes on from.</summary>
    Current,

    /// <summary>The one before it.</summary>
    Previous,

    /// <summary>Whole, but no longer (or never) named by the root.</summary>
    Unnamed,

    /// <summary>Without a manifest: being written, or its writer was lost.</summary>
    Partial,

    /// <summary>The finished stage's weights.</summary>
    Snapshot,

    /// <summary>Another run's snapshot that teaches the stage; never in a list.</summary>
    Teacher,

    /// <summary>The document that names the others; never in a list.</summary>
    Root,

    /// <summary>The run's; never in a list, like all that follow.</summary>
    Spec,

    /// <summary>What was changed of the spec's operations.</summary>
    Operations,

    /// <summary>What the user wants.</summary>
    Intent,

    /// <summary>The manifest of the run's data, or one of the objects that it names.</summary>
    Data,

    /// <summary>A member's score and its vector.</summary>
    Score,

    /// <summary>A mixture's score.</summary>
    Ensemble,

    /// <summary>What happened to the run.</summary>
    Events,

    /// <summary>What runs were called later.</summary>
    Names,
}
