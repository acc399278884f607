namespace Slowrun.Core.Notices;

/// <summary>What a notice tells (<see cref="Notice.Kind"/>, and <c>about</c> of a spec). Programs match these words, so none is
/// renamed.</summary>
public static class NoticeKind
{
    /// <summary>All stages are done, and the ensemble is computed.</summary>
    public const string Finished = "finished";

    /// <summary>Nothing goes on without the user, since a stage or the ensemble was given up.</summary>
    public const string Failed = "failed";

    /// <summary>No step was made for a while, although nobody paused the run.</summary>
    public const string Stalled = "stalled";

    /// <summary>Many machines were lost within an hour.</summary>
    public const string Lost = "lost";

    /// <summary>A stage's loss is no number any more, and another try would end in the same way.</summary>
    public const string Diverged = "diverged";

    public static IReadOnlyList<string> All { get; } = [Finished, Failed, Stalled, Lost, Diverged];
}
