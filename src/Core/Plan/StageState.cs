namespace Slowrun.Core.Plan;

public enum StageState
{
    Waiting,
    Ready,
    Training,
    Scoring,
    Done,
    Failed,
    Cancelled,
    Paused,

    /// <summary>Its root cannot be read: no silo takes it until that is recovered.</summary>
    Damaged,
}
