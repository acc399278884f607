namespace Slowrun.Core.Stages;

/// <summary>What a moment of a stage's time can be put down to; each is explained at its sum in <see cref="StageLedger"/>.</summary>
public enum Account
{
    Training,
    Restore,
    Stall,
    Slot,
    Before,
    Down,
    Held,
}
