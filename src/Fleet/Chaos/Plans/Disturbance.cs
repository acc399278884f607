namespace Slowrun.Fleet.Chaos.Plans;

/// <summary>What happens to a machine.</summary>
public enum ChaosMode
{
    /// <summary>The silo's process ends at once (SIGKILL).</summary>
    Kill,

    /// <summary>The silo is asked to stop (SIGTERM), and commits first.</summary>
    Term,

    /// <summary>The machine stands still (SIGSTOP, and nothing moves on its network), is replaced, and wakes up when another owns its
    /// stage.</summary>
    Freeze,

    /// <summary>
    /// The machine disappears without a trace: its packets are dropped, its connections stay open at the other ends, and new ones to it are
    /// never answered.
    /// </summary>
    Vanish,

    /// <summary>
    /// Nothing moves between the machine and all others, while it lives, trains and reaches the store: two sides that each see the other as
    /// dead. The network heals when another owns its stage.
    /// </summary>
    Partition,

    /// <summary>
    /// The metadata service announces the machine's preemption. It is replaced at once, and gone at the deadline or as soon as it has
    /// acknowledged, whatever it has done by then.
    /// </summary>
    Notice,

    /// <summary>Every machine is lost at once, and a new cluster is started.</summary>
    Cluster,

    /// <summary>No machine: an object of the run, or a file of the machines' cache, is changed or removed.</summary>
    Damage,
}

/// <summary>One planned disturbance: what is done to a silo, and at which moment of its work.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Phase">For people: <c>start-up</c>, <c>step</c>, <c>checkpoint</c>, …</param>
/// <param name="Point">The silo's own name of the moment; null: so many milliseconds after it was started.</param>
/// <param name="Count">Which time the moment is reached; milliseconds where <paramref name="Point"/> is null.</param>
/// <param name="NoticeSeconds">Of <see cref="ChaosMode.Notice"/>: from the announcement to the deadline; 0: the event has started when it
/// is seen first.</param>
public sealed record Disturbance(int Number, ChaosMode Mode, string Phase, string? Point, int Count, int NoticeSeconds = 0)
{
    /// <summary>Null: at its <see cref="Point"/>. Else so long after the run's begin, whatever the machine does then.</summary>
    public double? AtSeconds { get; init; }

    /// <summary>Which machine, where a time is given: this modulo how many there are.</summary>
    public int Victim { get; init; }
}
