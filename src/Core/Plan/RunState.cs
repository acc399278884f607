namespace Slowrun.Core.Plan;

public enum RunState
{
    Pending,
    Running,
    Paused,
    Succeeded,
    Failed,
    Cancelled,
}
