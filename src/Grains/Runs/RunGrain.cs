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
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(0.9);

    // Owners need no more than what people wish, and who wishes it pokes. The slot loop of this silo reads as often while something trains.
    private static readonly TimeSpan FreshForOwners = TimeSpan.FromSeconds(6);

    // While owners report, facts are never older; without them the first question after a while waits for a reading.
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(2);

    private readonly Dictionary<StageId, StageProgress> told = [];
    private RunFacts? facts;
    private long readAt;
    private Task? reading;

    public async Task<RunStatus?> GetStatus()
    {
        await RefreshAsync(Fresh, Stale);
        return facts is null
            ? null
            : StatusBuilder.Build(facts with { Progress = Newest(), AliveSilos = watch.AliveSilos() }, StatusSource.Cluster, time.GetUtcNow());
    }

    public async Task Poke()
    {
        // One that is under way may have begun before the change.
        await (reading ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        reading ??= ReadAsync(TimeSpan.Zero);
        await reading;
        slots.Poke();
    }

    public async Task<OwnerOrders> Report(StageProgress progress)
    {
        var known = StageId.TryParse(progress.Stage, out var id);
        if (known && (!told.TryGetValue(id, out var old) || old.EpochToken <= progress.EpochToken))
        {
            told[id] = progress;
        }

        if (watch.Newest(this.GetPrimaryKeyString()) is { } newer && newer.At > readAt)
        {
            (facts, readAt) = newer;
        }

        // An owner that took the stage since may have been let to by an order that is not known here yet.
        var isNews = known && progress.EpochToken > (facts?.RootOf(id).EpochToken ?? 0);
        await (isNews ? RefreshAsync(Fresh, Fresh) : RefreshAsync(FreshForOwners, FreshForOwners + Stale));
        var token = known && facts is not null ? Math.Max(facts.RootOf(id).EpochToken, told[id].EpochToken) : 0;
        return new OwnerOrders(facts?.Intent ?? new RunIntent(), token, facts?.Spec.Operations);
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

    /// <summary>
    /// Reads the documents again when they are older than a moment; waits for that when they are older than anybody should be told. Calls
    /// that interleave share one reading.
    /// </summary>
    /// <exception cref="InvalidDataException">They cannot be read, and what was read before is too old.</exception>
    private async Task RefreshAsync(TimeSpan fresh, TimeSpan stale)
    {
        var age = facts is null ? TimeSpan.MaxValue : time.GetElapsedTime(readAt);
        if (age < fresh)
        {
            return;
        }

        reading ??= ReadAsync(fresh);
        var underWay = reading;
        if (age > stale)
        {
            await underWay;
        }
    }

    /// <param name="oldest">What this silo has read already may be so old.</param>
    private async Task ReadAsync(TimeSpan oldest)
    {
        // Never completes within the call that starts it, so that `reading` is set before it is cleared.
        await Task.Yield();
        try
        {
            (facts, readAt) = await watch.RecentAsync(this.GetPrimaryKeyString(), oldest);
        }
        finally
        {
            reading = null;
        }
    }
}
