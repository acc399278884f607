using Slowrun.Core.Plan;

namespace Slowrun.Grains.Loop;

/// <summary>
/// Runs in which nothing happens until a user acts: ended, failed, cancelled, paused, or not readable. Such an act rings the bell (<see
/// cref="Storage.Runs.OrderBell"/>); without a ring they are read one at a time, so that the cost does not grow with their number.
/// </summary>
internal sealed class RestingRuns(TimeProvider time)
{
    private static readonly TimeSpan OneEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, long> read = new(StringComparer.Ordinal);
    private long lastAt = time.GetTimestamp();

    /// <summary>Whether a run need not be read now.</summary>
    /// <param name="rung">Whether the orders' bell rang since the last look.</param>
    public bool IsLeftAlone(string run, bool rung)
    {
        if (rung || !read.TryGetValue(run, out var at))
        {
            return false;
        }

        if (time.GetElapsedTime(at) < AtLeast || time.GetElapsedTime(lastAt) < OneEvery || read.Values.Min() < at)
        {
            return true;
        }

        lastAt = time.GetTimestamp();
        return false;
    }

    /// <param name="facts">As they were just read; null: they cannot be.</param>
    public void Saw(string run, RunFacts? facts)
    {
        if (facts is null || Rests(facts))
        {
            read[run] = time.GetTimestamp();
        }
        else
        {
            read.Remove(run);
        }
    }

    /// <summary>To be called with the runs that there are.</summary>
    public void Keep(IReadOnlyCollection<string> runs)
    {
        foreach (var gone in read.Keys.Except(runs).ToList())
        {
            read.Remove(gone);
        }
    }

    private static bool Rests(RunFacts facts)
    {
        var state = Readiness.StateOf(facts);
        // One that is held may still be stopping.
        return (Readiness.IsOver(state) || state == RunState.Paused)
            && facts.Plan.Stages.All(stage => facts.LivingOwnerOf(stage.Id) is null);
    }
}
