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

    /// <summary>A few words about a run: the title of a notice.</summary>
    /// <param name="stage">The stage that it is about; null: the run.</param>
    /// <param name="run">As people call it.</param>
    /// <returns>Null: a kind of a newer version.</returns>
    public static string? Title(string kind, string? stage, string run) =>
        kind switch
        {
            Finished => $"Run {run} has finished",
            Failed => $"Run {run} has failed",
            Stalled => $"Run {run} stands still",
            Lost => $"Run {run} loses machines",
            Diverged => $"Stage {stage} of run {run} has diverged",
            _ => null,
        };
}
