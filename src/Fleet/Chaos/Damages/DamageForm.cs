namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>How an object is damaged.</summary>
public enum DamageForm
{
    /// <summary>One bit is another; in a file in place, so that readers that have it open or mapped see it.</summary>
    Flip,

    /// <summary>It ends early.</summary>
    Truncate,

    /// <summary>It has the content of another of its kind, and that one its.</summary>
    Swap,

    /// <summary>It is as it was a while ago.</summary>
    RollBack,

    /// <summary>It is gone.</summary>
    Remove,
}

/// <summary>How a damage ended.</summary>
public enum DamageOutcome
{
    /// <summary>Not known yet.</summary>
    Open,

    /// <summary>Detected and repaired without a person: written again, fetched again, another checkpoint used.</summary>
    Healed,

    /// <summary>Something was refused, with the object's name; it was put back then.</summary>
    Refused,

    /// <summary>Not read: its content was in a process's memory, or is not needed any more. It was put back a while later.</summary>
    Unread,

    /// <summary>The run made no progress, and no message named the object: a defect.</summary>
    Hang,
}
