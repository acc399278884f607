namespace Slowrun.Core.Plan;

/// <summary>What an owner can still do whose machine ends at a known moment.</summary>
public static class LeavePlan
{
    /// <summary>For the release, which is one small write and must happen, and for a clock that is not quite the platform's.</summary>
    public static readonly TimeSpan LeastMargin = TimeSpan.FromSeconds(2);

    /// <summary>Of the time left; an upload of minutes varies by more than seconds.</summary>
    public const double MarginShare = 0.1;

    /// <summary>How long a last checkpoint may take from now on, everything included; 0: there is time for the release at most.</summary>
    /// <param name="left">Time until the machine goes away; negative where that is over.</param>
    public static TimeSpan TimeToCommit(TimeSpan left)
    {
        var margin = left * MarginShare;
        var time = left - (margin > LeastMargin ? margin : LeastMargin);
        return time > TimeSpan.Zero ? time : TimeSpan.Zero;
    }

    /// <summary>Whether a last checkpoint should be begun. One that then takes longer than the others did is given up in time.</summary>
    /// <param name="left">As for <see cref="TimeToCommit"/>.</param>
    /// <param name="checkpointTook">Capture, upload and commit of the checkpoints so far; null: none was measured, and it is tried.</param>
    public static bool Fits(TimeSpan left, TimeSpan? checkpointTook) =>
        TimeToCommit(left) is var time && time > TimeSpan.Zero && (checkpointTook ?? TimeSpan.Zero) <= time;
}
