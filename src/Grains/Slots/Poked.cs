namespace Slowrun.Grains.Slots;

/// <summary>Whether the slot loop was told to look for work.</summary>
internal enum Poked
{
    /// <summary>The time is over.</summary>
    No,

    /// <summary>There was work, which another silo may have by now.</summary>
    ByHint,

    Yes,
}
