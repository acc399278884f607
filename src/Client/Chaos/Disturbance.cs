namespace Slowrun.Client.Chaos;

/// <summary>What happens to a machine.</summary>
internal enum ChaosMode
{
    /// <summary>The silo's process ends at once (SIGKILL), as when a machine is switched off.</summary>
    Kill,

    /// <summary>The silo is asked to stop (SIGTERM), and commits first.</summary>
    Term,

    /// <summary>The process stands still (SIGSTOP), is replaced, and wakes up when another owns its stage.</summary>
    Freeze,

    /// <summary>
    /// The machine falls silent and never comes back: the process stands still, its connections stay open and unanswered, and it is ended
    /// when nothing depends on it any more.
    /// </summary>
    Vanish,

    /// <summary>Every silo is killed at once, and a new cluster is started.</summary>
    Cluster,
}

/// <summary>One planned disturbance: what is done to a silo, and at which moment of its work.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Phase">For people: <c>start-up</c>, <c>step</c>, <c>checkpoint</c>, …</param>
/// <param name="Point">The silo's own name of the moment; null: so many milliseconds after it was started.</param>
/// <param name="Count">The how many-th time the moment is reached; milliseconds where <paramref name="Point"/> is null.</param>
internal sealed record Disturbance(int Number, ChaosMode Mode, string Phase, string? Point, int Count);
