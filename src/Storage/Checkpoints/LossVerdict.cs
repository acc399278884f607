namespace Slowrun.Storage.Checkpoints;

/// <summary>How a lost owner ended, as far as that says something about its stage.</summary>
public enum LossVerdict
{
    /// <summary>It committed something, or its machine or process was taken away: the stage is not to blame. Also where no owner was
    /// lost.</summary>
    Excused,

    /// <summary>It had committed nothing, and its end is not known, or its process ended by itself and nothing says that it
    /// crashed.</summary>
    Unexplained,

    /// <summary>It had committed nothing when its process crashed or ran out of memory.</summary>
    Crashed,
}
