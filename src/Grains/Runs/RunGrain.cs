using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Answers for a run from memory: documents read a moment ago, overlaid with what owners told since. It decides nothing; losing it
/// loses nothing. It believes of what it is told only what a root bears out, and keeps nothing of runs that do not exist.
/// </summary>
[GrainType("run")]
internal sealed class RunGrain(RunWatch watch, SlotTable slots, StoreTroubles troubles, ILocalSiloDetails silo, TimeProvider time) : Grain, IRunGrain
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
    private long? doubtedAt;
    private Task? reading;

    public async Task<RunStatus?> GetStatus()
    {
        var asOf = time.GetUtcNow();
        try
        {
            await RefreshAsync(Fresh, Stale);
        }
        catch (IOException) when (facts is not null)
        {
            // What was read last, with the owners' words and the store's trouble, says more than no answer.
            asOf -= time.GetElapsedTime(readAt);
        }

        if (facts is null)
        {
            return LetGo<RunStatus>();
        }

        var status = StatusBuilder.Build(facts with { Progress = Newest(), AliveSilos = watch.AliveSilos() }, StatusSource.Cluster, time.GetUtcNow());
        return status with { AsOf = asOf, StoreTroubles = SiloTrouble.Joined(status.StoreTroubles, troubles.Now.Select(trouble => new SiloTrouble(silo.Name, trouble))) };
    }

    public async Task Poke()
    {
        // One that is under way may have begun before the change.
        await (reading ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        reading ??= ReadAsync(TimeSpan.Zero);
        await reading;
        if (facts is null)
        {
            LetGo<RunFacts>();
            return;
        }

        slots.Poke();
    }

    public async Task<OwnerOrders> Report(StageProgress progress)
    {
        if (watch.Newest(this.GetPrimaryKeyString()) is { } newer && newer.At > readAt)
        {
            (facts, readAt) = newer;
        }

        await RefreshAsync(FreshForOwners, FreshForOwners + Stale);
        if (facts is null)
        {
            LetGo<RunFacts>();
            return new OwnerOrders(new RunIntent(), 0, null);
        }

        if (!StageId.TryParse(progress.Stage, out var id) || facts.Plan.Stages.All(stage => stage.Id != id))
        {
            return new OwnerOrders(facts.Intent, 0, facts.Spec.Operations);
        }

        if (progress.EpochToken > facts.RootOf(id).EpochToken)
        {
            // Of an owner that has just taken the stage, or of nobody: the root tells.
            await DoubtAsync();
        }

        // The run may have gone while it was read again.
        var root = facts?.RootOf(id) ?? new StageRoot();
        if (progress.IsOf(root))
        {
            told[id] = progress;
        }

        return new OwnerOrders(facts?.Intent ?? new RunIntent(), root.EpochToken, facts?.Spec.Operations);
    }

    private Dictionary<StageId, StageProgress> Newest()
    {
        var newest = new Dictionary<StageId, StageProgress>(facts!.Progress);
        foreach (var (id, progress) in told.Where(pair => pair.Value.IsOf(facts.RootOf(pair.Key))))
        {
            if (!newest.TryGetValue(id, out var stored) || !stored.IsOf(facts.RootOf(id)) || progress.At > stored.At)
            {
                newest[id] = progress;
            }
        }

        return newest;
    }

    /// <summary>Of a run that the store does not have nothing stays in memory: whoever asks for names could else fill it.</summary>
    private T? LetGo<T>()
        where T : class
    {
        told.Clear();
        DeactivateOnIdle();
        return null;
    }

    /// <summary>Reads the documents again whatever their age, but not more often than usual: who tells nonsense without a pause costs no more than that.</summary>
    private async Task DoubtAsync()
    {
        if (doubtedAt is { } at && time.GetElapsedTime(at) < Fresh)
        {
            return;
        }

        doubtedAt = time.GetTimestamp();
        // One that is under way may have begun before the take.
        await (reading ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        reading ??= ReadAsync(TimeSpan.Zero);
        await reading;
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
            var run = this.GetPrimaryKeyString();
            (facts, readAt) = RunNames.IsValid(run) ? await watch.RecentAsync(run, oldest) : (null, time.GetTimestamp());
        }
        finally
        {
            reading = null;
        }
    }
}
