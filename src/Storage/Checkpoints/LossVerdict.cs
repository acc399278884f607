namespace Slowrun.Storage.Checkpoints;

/// <summary>How a lost owner ended, as far as it tells something about its stage.</summary>
public enum LossVerdict
{
    /// <summary>It committed something, or its machine or process was taken from it: the stage is not to blame. Also where there was no
    /// such owner.</summary>
    Excused,

    /// <summary>It had committed nothing, and nobody knows how it ended.</summary>
    Unexplained,

    /// <summary>It had committed nothing when its process crashed or ran out of memory.</summary>
    Crashed,
}
