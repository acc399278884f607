using System.Globalization;
using Slowrun.Client.Runs;
using Slowrun.Client.Silos;
using Slowrun.Core.Plan;

namespace Slowrun.Client.Chaos;

/// <summary>
/// A fleet of local silos in which planned disturbances take place; each silo that is lost is replaced at once by one on other ports, as a
/// spot fleet does.
/// </summary>
internal sealed class ChaosFleet : IDisposable
{
    // A silo that finds no work in so long is disturbed without.
    private static readonly TimeSpan IdleFor = TimeSpan.FromSeconds(8);

    // Frozen for longer than its cluster needs to give it up.
    private static readonly TimeSpan FrozenFor = TimeSpan.FromSeconds(15);

    private readonly SiloProgram program;
    private readonly RunReader reader;
    private readonly string run;
    private readonly Queue<Disturbance> plan;
    private readonly TimeProvider time;
    private readonly Action<string> tell;
    private readonly long begunAt;
    private readonly List<ChaosSilo> fleet = [];
    private readonly List<(ChaosSilo Silo, Loss? Loss, long At)> frozen = [];
    private readonly List<ChaosSilo> gone = [];
    private readonly List<Loss> losses = [];
    private readonly List<CarriedOut> carriedOut = [];
    private int started;

    public ChaosFleet(
        SiloProgram program, RunReader reader, string run, int silos, IReadOnlyList<Disturbance> plan, TimeProvider time, Action<string> tell)
    {
        (this.program, this.reader, this.run, this.time, this.tell) = (program, reader, run, time, tell);
        this.plan = new Queue<Disturbance>(plan);
        begunAt = time.GetTimestamp();
        for (var i = 0; i < silos; i++)
        {
            Start();
        }
    }

    /// <summary>What took place so far.</summary>
    public IReadOnlyList<CarriedOut> CarriedOut => [.. carriedOut.Select(one => one with { RecoverySeconds = losses.Find(loss => loss.Number == one.Number)?.Seconds })];

    /// <summary>Ends of silos that nobody planned: each is a defect.</summary>
    public int UnplannedExits { get; private set; }

    public TimeSpan Age => time.GetElapsedTime(begunAt);

    /// <summary>Looks once at every silo, and does what is due.</summary>
    /// <param name="facts">The run's, read a moment ago.</param>
    public async Task LookAsync(RunFacts facts, CancellationToken stop)
    {
        foreach (var silo in fleet.ToList())
        {
            if (silo.StandsStill)
            {
                await DisturbAsync(silo, silo.Disturbance!.Phase, stop);
            }
            else if (silo.HasExited)
            {
                UnplannedExits++;
                tell($"{silo.Name} ended by itself:\n{SiloLogs.Tail(silo.Log, 3)}");
                Replace(silo);
            }
            else if (silo.Disturbance is { Point: null } early && silo.Age(time).TotalMilliseconds >= early.Count)
            {
                silo.Freeze();
            }
            else if (silo.Disturbance is not null && await IsIdleAsync(silo, facts, stop))
            {
                silo.Freeze();
                await DisturbAsync(silo, "idle", stop);
            }
        }

        Follow(facts);
    }

    /// <summary>Lets every silo commit and stop; those that stand still are ended.</summary>
    public Task StopAsync() => Task.WhenAll(fleet.Concat(gone).Concat(frozen.Select(one => one.Silo)).Select(silo => silo.StopAsync()));

    public void Dispose() => fleet.Concat(gone).Concat(frozen.Select(one => one.Silo)).ToList().ForEach(silo => silo.Dispose());

    private async Task<bool> IsIdleAsync(ChaosSilo silo, RunFacts facts, CancellationToken stop)
    {
        if (silo.ServesFor(time) is null && (await reader.SilosAsync(stop)).Any(live => live.Active && live.Name == silo.Name))
        {
            silo.Serves(time);
        }

        return silo.ServesFor(time) > IdleFor && Owned(facts, silo) is null;
    }

    private async Task DisturbAsync(ChaosSilo silo, string phase, CancellationToken stop)
    {
        var planned = silo.Disturbance!;
        var at = time.GetUtcNow();
        // Read anew: it may have taken a stage since the last look, and stands still now.
        var owned = Owned(await reader.FactsAsync(run, stop), silo);
        carriedOut.Add(new CarriedOut(planned.Number, planned.Mode, phase, owned?.Stage.ToString(), Math.Round(Age.TotalSeconds, 3), null));
        var loss = owned is { } mine ? new Loss(planned.Number, mine.Stage, mine.EpochToken, at) : null;
        if (loss is not null)
        {
            losses.Add(loss);
        }

        tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{planned.Number}: {planned.Mode.ToString().ToLowerInvariant()} at {phase}: {silo.Name}{(owned is null ? ", which owns nothing" : $", which trains {owned.Value.Stage}")}"));
        switch (planned.Mode)
        {
            case ChaosMode.Kill:
                silo.Kill();
                break;
            case ChaosMode.Term:
                silo.Terminate();
                break;
            case ChaosMode.Freeze:
                frozen.Add((silo, loss, time.GetTimestamp()));
                break;
            case ChaosMode.Vanish:
                break;
            case ChaosMode.Cluster:
                Restart(silo);
                return;
            default:
                throw new InvalidOperationException($"There is no mode {planned.Mode}.");
        }

        if (planned.Mode != ChaosMode.Freeze)
        {
            gone.Add(silo);
        }

        fleet.Remove(silo);
        Start();
    }

    /// <summary>Kills all at once; what was planned for the others is planned for their successors.</summary>
    private void Restart(ChaosSilo first)
    {
        var all = fleet.ToList();
        all.ForEach(silo => silo.Kill());
        var unspent = all.Where(silo => silo != first).Select(silo => silo.Disturbance).OfType<Disturbance>().ToList();
        var later = plan.ToList();
        plan.Clear();
        unspent.Concat(later).ToList().ForEach(plan.Enqueue);
        gone.AddRange(all);
        fleet.Clear();
        all.ForEach(_ => Start());
    }

    private void Replace(ChaosSilo silo)
    {
        fleet.Remove(silo);
        gone.Add(silo);
        Start();
    }

    private void Start()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"silo{++started}");
        fleet.Add(ChaosSilo.Start(program, reader.Store.Address, name, plan.TryDequeue(out var next) ? next : null, time));
    }

    /// <summary>Notes which lost stages train again, and thaws silos whose stage is another's.</summary>
    private void Follow(RunFacts facts)
    {
        foreach (var loss in losses.Where(loss => loss.Seconds is null))
        {
            var progress = facts.Progress.GetValueOrDefault(loss.Stage);
            if (progress is { FirstStepAt: { } at } && progress.EpochToken > loss.EpochToken)
            {
                loss.Seconds = (at - loss.At).TotalSeconds;
            }
        }

        foreach (var one in frozen.Where(one => time.GetElapsedTime(one.At) > FrozenFor
            || (one.Loss is { } loss && facts.RootOf(loss.Stage).EpochToken > loss.EpochToken)).ToList())
        {
            one.Silo.Thaw();
            frozen.Remove(one);
            gone.Add(one.Silo);
            tell($"{one.Silo.Name} wakes up");
        }
    }

    private static (StageId Stage, long EpochToken)? Owned(RunFacts facts, ChaosSilo silo)
    {
        foreach (var (id, root) in facts.Roots)
        {
            if (root.Owner?.SiloName == silo.Name && !root.Finished)
            {
                return (id, root.EpochToken);
            }
        }

        return null;
    }

    /// <summary>A stage whose owner was taken from it.</summary>
    private sealed record Loss(int Number, StageId Stage, long EpochToken, DateTimeOffset At)
    {
        public double? Seconds { get; set; }
    }
}
