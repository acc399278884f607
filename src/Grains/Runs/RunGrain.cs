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

    // While owners report, facts are never older; without them the first question after a while waits for a reading.
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(2);

    private readonly Dictionary<StageId, StageProgress> told = [];
    private RunFacts? facts;
    private long readAt;
    private Task? reading;

    public async Task<RunStatus?> GetStatus()
    {
        await RefreshAsync();
        return facts is null
            ? null
            : StatusBuilder.Build(facts with { Progress = Newest(), AliveSilos = watch.AliveSilos() }, StatusSource.Cluster, time.GetUtcNow());
    }

    public async Task Poke()
    {
        // One that is under way may have begun before the change.
        await (reading ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        reading ??= ReadAsync();
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

        await RefreshAsync();
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
    private async Task RefreshAsync()
    {
        var age = facts is null ? TimeSpan.MaxValue : time.GetElapsedTime(readAt);
        if (age < Fresh)
        {
            return;
        }

        reading ??= ReadAsync();
        var underWay = reading;
        if (age > Stale)
        {
            await underWay;
        }
    }

    private async Task ReadAsync()
    {
        // Never completes within the call that starts it, so that `reading` is set before it is cleared.
        await Task.Yield();
        var from = time.GetTimestamp();
        try
        {
            facts = await watch.ReadAsync(this.GetPrimaryKeyString());
            readAt = from;
        }
        finally
        {
            reading = null;
        }
    }
}
