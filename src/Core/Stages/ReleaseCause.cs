namespace Slowrun.Core.Stages;

/// <summary>Why an owner let go of its stage before the end.</summary>
public enum ReleaseCause
{
    /// <summary>Its silo was asked to stop.</summary>
    Left,

    /// <summary>Its machine ends, as a preemption notice had announced.</summary>
    Evicted,

    /// <summary>The user paused or cancelled it.</summary>
    Held,

    /// <summary>It ended with an error, and is tried again.</summary>
    Error,
}
