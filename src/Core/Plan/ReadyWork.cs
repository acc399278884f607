namespace Slowrun.Core.Plan;

/// <summary>A piece of work that waits for a slot.</summary>
/// <param name="Stage">Null: the work is the run's, not one stage's.</param>
public sealed record ReadyWork(WorkKind Kind, string Run, StageId? Stage)
{
    /// <summary>More slots than these have nothing to do.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>The stage's epoch token, as read when it had no living owner; null: the work needs no owner.</summary>
    public long? EpochToken { get; init; }

    /// <summary>As <see cref="WorkName"/> has it.</summary>
    public string Name =>
        Kind switch
        {
            WorkKind.Score => WorkName.Score(Run, Stage!.Value),
            WorkKind.Average => WorkName.Mix(Run),
            _ => WorkName.Train(Run, Stage!.Value),
        };
}
