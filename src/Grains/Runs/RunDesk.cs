using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Runs;

/// <summary>
/// What the run grain does for slot loops: reads the run for all of them, tells each what is new to it, and hands out what is ready. It
/// decides nothing that is safe or not: an offer of what another has taken since is refused by the root. For one scheduler.
/// </summary>
internal sealed class RunDesk
{
    // What changes a run is told here; this is for what is not.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    // Owners need no more than what people wish, and who wishes it pokes, or rings and is heard by a slot loop.
    private static readonly TimeSpan FreshForOwners = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan StaleForOwners = TimeSpan.FromSeconds(8);

    // Half of what a silo waits for an answer: a store that is slow is no reason to have every silo read it.
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(0.5);

    // As many as are likely to be on the way at once.
    private const int MostBells = 16;

    // Where the silo that read for all has gone, every silo with a free slot looks by itself, spread over as much.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private readonly string run;
    private readonly RunWatch watch;
    private readonly Action<string, int> wake;
    private readonly Func<IReadOnlySet<string>> wakeable;
    private readonly TimeProvider time;
    private readonly NewsDesk news;
    private readonly HandOut handOut;
    private readonly WaitingSilos waiters = new();
    private readonly Queue<string> bells = new();
    private readonly long beganAt;

    private long? doubtedAt;
    private bool isDoubtDue;
    private bool succeedsAnother;
    private int looks;

    /// <param name="silo">The address of the silo it is on.</param>
    /// <param name="wake">Wakes the slot loop of a silo, as one of so many that are woken. Never fails; may be lost.</param>
    /// <param name="wakeable">Addresses of the silos that understand a wake.</param>
    public RunDesk(
        string run,
        string silo,
        RunWatch watch,
        Action<string, int> wake,
        Func<IReadOnlySet<string>> wakeable,
        TimeProvider time
    )
    {
        (this.run, this.watch, this.wake, this.wakeable, this.time) = (run, watch, wake, wakeable, time);
        (news, handOut, beganAt) = (new NewsDesk(silo), new HandOut(time), time.GetTimestamp());
        Reading = new RunCache(run, watch, time, WakeWhenRead);
    }

    public RunCache Reading { get; }

    /// <returns>Null where there is no such run.</returns>
    public async Task<RunNews?> LookAsync(RunQuestion question)
    {
        looks++;
        try
        {
            return await AnswerAsync(question);
        }
        finally
        {
            looks--;
        }
    }

    private async Task<RunNews?> AnswerAsync(RunQuestion question)
    {
        succeedsAnother |= question.Has is { } has && has.Reader != news.Reader;
        // A silo that the asker knows to be gone would own its stages here for another while.
        await watch.SeeMembershipAsync(question.MembershipVersion);
        foreach (var id in question.Changed.Select(StageOf).OfType<StageId>())
        {
            Reading.Doubt(id);
        }

        var rung = question.Bell is { } bell && !bells.Contains(bell);
        var alive = watch.AliveSilos();
        if (rung || question.Mended || question.Changed.Count > 0 || Reading.Facts is null || DoubtLost(Reading.Facts, alive))
        {
            if (await IsReadInTimeAsync(Reading.ReadAnewAsync(orders: rung || question.Mended)))
            {
                Heard(question.Bell);
            }
        }
        else if (Reading.Age >= Fresh)
        {
            await IsReadInTimeAsync(Reading.ReadAsync(orders: false));
        }

        if (Reading.Facts is not { } facts)
        {
            return null;
        }

        news.Take(facts);
        var ready = WorkOrder.Of([await watch.JudgedAsync(facts)]);
        var notMine = question.NotMine.ToHashSet(StringComparer.Ordinal);
        IReadOnlyList<string> atWork = question.Stops ? [] : question.AtWork;
        var (handed, waiting) = handOut.To(ready, question.Silo, question.FreeSlots, notMine, atWork, watch.ActiveSilos().Contains);
        waiters.Asked(question.Silo, question.FreeSlots - handed.Count, notMine);
        Wake(ready);
        return news.Since(question.Has) with { Handed = handed, Waiting = waiting, MembershipVersion = watch.MembershipVersion };
    }

    /// <summary>Waits for a reading; where something is known, only for a moment: it is old then, and a hint all the same.</summary>
    private async Task<bool> IsReadInTimeAsync(Task reading)
    {
        if (Reading.Facts is null)
        {
            await reading;
            return true;
        }

        try
        {
            await reading.WaitAsync(AnswerWithin, time);
            return true;
        }
        catch (TimeoutException)
        {
            reading.Ignore();
            return false;
        }
    }

    /// <summary>A document of the run was changed: reads it, and wakes silos for what is ready now.</summary>
    public Task PokeAsync() => Reading.ReadAnewAsync(orders: true);

    /// <summary>An owner tells how far it is, and is answered from memory.</summary>
    /// <returns>Null where there is no such run.</returns>
    public async Task<OwnerOrders?> ReportAsync(StageProgress progress)
    {
        await Reading.RefreshAsync(FreshForOwners, StaleForOwners, orders: false);
        if (Reading.Facts is not { } facts)
        {
            return null;
        }

        if (!StageId.TryParse(progress.Stage, out var id) || !facts.Plan.Has(id))
        {
            return new OwnerOrders(facts.Intent, 0, facts.Spec.Operations);
        }

        var known = facts.RootOf(id);
        if (progress.EpochToken > known.EpochToken)
        {
            // Of an owner that has just taken the stage, or of nobody: the root tells.
            await DoubtAsync(id);
        }

        Reading.Hear(id, progress);
        if (progress.EpochToken == known.EpochToken && progress.RootRevision > known.Revision)
        {
            // It has committed, finished or released since. Nobody waits for that here.
            DoubtAsync(id).Ignore();
        }

        // The run may have gone while it was read again.
        return Reading.Facts is { } now ? new OwnerOrders(now.Intent, now.RootOf(id).EpochToken, now.Spec.Operations) : null;
    }

    /// <summary>Reads a stage's root again whatever its age, but not more often than usual: who tells nonsense without a pause costs no
    /// more than that. What comes sooner is read when that time is over, for silos may wait for it.</summary>
    private async Task DoubtAsync(StageId id)
    {
        Reading.Doubt(id);
        if (doubtedAt is { } at && Fresh - time.GetElapsedTime(at) is var early && early > TimeSpan.Zero)
        {
            if (!isDoubtDue)
            {
                isDoubtDue = true;
                ReadDoubtedAsync(early).Ignore();
            }

            return;
        }

        await ReadDoubtedAsync(TimeSpan.Zero);
    }

    private async Task ReadDoubtedAsync(TimeSpan early)
    {
        if (early > TimeSpan.Zero)
        {
            await Task.Delay(early, time);
            isDoubtDue = false;
        }

        doubtedAt = time.GetTimestamp();
        await Reading.ReadAnewAsync(orders: false);
    }

    /// <summary>Whoever asked for a reading: what is ready by it wakes silos. A look hands out first, and wakes for what is left.</summary>
    private void WakeWhenRead()
    {
        if (looks == 0 && Reading.Facts is { } facts)
        {
            Wake(WorkOrder.Of([facts]));
        }
    }

    /// <summary>Wakes silos that wait, for ready work that no silo is handed. It is not handed to them now: a wake may be lost.</summary>
    private void Wake(IReadOnlyList<ReadyWork> ready)
    {
        var active = watch.ActiveSilos();
        var canBeWoken = wakeable();
        var woken = waiters.ToWake(
            handOut.Unhanded(ready, active.Contains),
            active.IsSubsetOf(canBeWoken) ? active : active.Where(canBeWoken.Contains).ToHashSet(StringComparer.Ordinal),
            strangers: !IsAfterALoss()
        );
        foreach (var one in woken)
        {
            wake(one, woken.Count);
        }
    }

    /// <summary>Whether the silo was lost a moment ago that read for all before, or owned stages.</summary>
    private bool IsAfterALoss() =>
        time.GetElapsedTime(beganAt) < Settling
        && (
            succeedsAnother
            || Reading.Facts!.Roots.Values.Any(root =>
                root is { Finished: false, Owner: { } owner } && !watch.AliveSilos().Contains(owner.Silo)
            )
        );

    private void Heard(string? bell)
    {
        if (bell is null || bells.Contains(bell))
        {
            return;
        }

        bells.Enqueue(bell);
        if (bells.Count > MostBells)
        {
            bells.Dequeue();
        }
    }

    /// <summary>Roots of owners that were alive when they were read, and are gone now, may say more since.</summary>
    /// <returns>Whether there are any.</returns>
    private bool DoubtLost(RunFacts facts, IReadOnlySet<string> alive)
    {
        var lost = facts
            .Roots.Where(pair =>
                pair.Value is { Finished: false, Owner: { } owner } && facts.AliveSilos.Contains(owner.Silo) && !alive.Contains(owner.Silo)
            )
            .ToList();
        lost.ForEach(pair => Reading.Doubt(pair.Key));
        return lost.Count > 0;
    }

    private StageId? StageOf(string work) =>
        WorkName.RunOf(work) == run && StageId.TryParse(work[(work.IndexOf('/', StringComparison.Ordinal) + 1)..], out var id) ? id : null;
}
