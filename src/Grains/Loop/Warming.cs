using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Loop;

/// <summary>
/// What a silo with a free slot and nothing to do prepares for the stages that it may have to take: their fingerprints. That is a canned
/// training at each stage's own sizes, by the code that will train it, which a take would wait for when another silo is lost. Each is
/// computed once in a process, behind the loop, at the trainers' low priority. Processors only: on a GPU it is a training at full size.
/// </summary>
internal sealed class Warming(Fingerprints fingerprints, SlotTable slots)
{
    private readonly HashSet<string> warmed = new(StringComparer.Ordinal);
    private volatile bool stopped;
    private Task underWay = Task.CompletedTask;

    /// <summary>For one caller. Returns at once.</summary>
    public void Begin(IReadOnlyList<RunFacts> runs)
    {
        if (!underWay.IsCompleted || slots.Free.FirstOrDefault(slot => slot.StartsWith("cpu", StringComparison.Ordinal)) is not { } slot)
        {
            return;
        }

        var plans = runs.Where(facts => Readiness.StateOf(facts) is RunState.Pending or RunState.Running && warmed.Add(facts.Spec.Name))
            .SelectMany(facts => facts.Plan.Stages.Where(plan => !facts.RootOf(plan.Id).Finished))
            .ToList();
        if (plans.Count > 0)
        {
            underWay = Task.Run(() => Warm(slot, plans));
        }
    }

    /// <summary>Begins nothing more.</summary>
    public void Stop() => stopped = true;

    /// <summary>Ends when what was begun is done; after <see cref="Stop"/> that is the fingerprint under way.</summary>
    internal Task Done => underWay;

    private void Warm(string slot, List<StagePlan> plans)
    {
        foreach (var plan in plans.TakeWhile(_ => !stopped))
        {
            fingerprints.TryOf(slot, plan);
        }
    }
}
