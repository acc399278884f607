using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Reading.Runs;

/// <summary>One run at one moment.</summary>
/// <param name="Facts">From the store.</param>
/// <param name="Status">From the silos where they answered, else from <paramref name="Facts"/>.</param>
public sealed record RunReading(RunFacts Facts, RunStatus Status);

/// <summary>The runs of a store.</summary>
/// <param name="Damaged">Those that cannot be read, and why: they must not hide the others.</param>
public sealed record RunList(IReadOnlyList<RunStatus> Runs, IReadOnlyList<DamagedRun> Damaged);

public sealed record DamagedRun(string Name, string Problem);
