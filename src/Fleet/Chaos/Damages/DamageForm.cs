namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>What is done to an object behind everybody's back.</summary>
public enum DamageForm
{
    /// <summary>One bit is another; in a file in place, so that whoever has it open or mapped sees it.</summary>
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

    /// <summary>Noticed, and made good without a person: written again, fetched again, another checkpoint used.</summary>
    Healed,

    /// <summary>Something was refused, with the object's name; it was put back then.</summary>
    Refused,

    /// <summary>Nobody read it: what it holds was in somebody's memory, or is needed no more. It was put back a while later.</summary>
    Unread,

    /// <summary>The run stood still, and nobody said why: a defect.</summary>
    Hang,
}
