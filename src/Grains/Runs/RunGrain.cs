using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Answers for a run from memory: documents read a moment ago, overlaid with what owners told since. It decides nothing; losing it
/// loses nothing.
/// </summary>
[GrainType("run")]
internal sealed class RunGrain(RunWatch watch, SlotTable slots, TimeProvider time) : Grain, IRunGrain
{
    // Owners tell once a second; documents that others write (scores, other silos' roots) are seen as soon.
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly Dictionary<StageId, StageProgress> told = [];
    private RunFacts? facts;
    private long readAt = long.MinValue;
    private Task? reading;

    public async Task<RunStatus?> GetStatus()
    {
        await RefreshAsync(force: false);
        return facts is null
            ? null
            : StatusBuilder.Build(facts with { Progress = Newest(), AliveSilos = watch.AliveSilos() }, StatusSource.Cluster, time.GetUtcNow());
    }

    public async Task Poke()
    {
        await RefreshAsync(force: true);
        slots.Poke();
    }

    public async Task<RunIntent> Report(StageProgress progress)
    {
        if (StageId.TryParse(progress.Stage, out var id) && (!told.TryGetValue(id, out var old) || old.EpochToken <= progress.EpochToken))
        {
            told[id] = progress;
        }

        await RefreshAsync(force: false);
        return facts?.Intent ?? new RunIntent();
    }

    private Dictionary<StageId, StageProgress> Newest()
    {
        var newest = new Dictionary<StageId, StageProgress>(facts!.Progress);
        foreach (var (id, progress) in told)
        {
            if (!newest.TryGetValue(id, out var stored) || (progress.EpochToken, progress.At).CompareTo((stored.EpochToken, stored.At)) > 0)
            {
                newest[id] = progress;
            }
        }

        return newest;
    }

    /// <summary>Reads the documents again when they are older than a moment. Calls that interleave share one reading.</summary>
    private async Task RefreshAsync(bool force)
    {
        if (!force && facts is not null && time.GetElapsedTime(readAt) < Freshness)
        {
            return;
        }

        if (reading is { } underWay)
        {
            // With facts in hand a status need not wait: it is a second old at most.
            if (force || facts is null)
            {
                await underWay;
            }

            return;
        }

        reading = ReadAsync();
        try
        {
            if (force || facts is null)
            {
                await reading;
            }
        }
        finally
        {
            if (reading?.IsCompleted == true)
            {
                reading = null;
            }
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            facts = await watch.ReadAsync(this.GetPrimaryKeyString()) ?? facts;
            readAt = time.GetTimestamp();
        }
        finally
        {
            reading = null;
        }
    }
}
