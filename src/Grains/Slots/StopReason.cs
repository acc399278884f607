namespace Slowrun.Grains.Slots;

/// <summary>Why an owner leaves its stage.</summary>
public enum StopReason
{
    /// <summary>All steps done, snapshot committed.</summary>
    Completed,

    /// <summary>The silo was told to stop.</summary>
    Requested,

    /// <summary>The user paused or cancelled it.</summary>
    Held,

    /// <summary>The machine goes away.</summary>
    Eviction,

    /// <summary>A higher epoch token exists: another owner has taken over. Nothing more may be written.</summary>
    Fenced,

    /// <summary>It failed with an exception; the root has the message.</summary>
    Faulted,
}
