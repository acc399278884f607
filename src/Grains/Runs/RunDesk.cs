using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Runs;

/// <summary>
/// The run grain's work for slot loops: it reads the run for all of them, gives each what has changed, and hands out ready work. Safety
/// does not depend on it: where another silo has taken a stage since, the root refuses the offer. For one scheduler.
/// </summary>
internal sealed class RunDesk
{
    // Changes of a run are reported here; this is for those that are not.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    // Owners need the intent and operations only, and a change of those pokes this grain, or rings the bell that slot loops read.
    private static readonly TimeSpan FreshForOwners = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan StaleForOwners = TimeSpan.FromSeconds(8);

    // Half of the time that a silo waits for an answer: a slow store must not make every silo read it.
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(0.5);

    // Ten looks. A store that is slow has answered by then; where only this silo's way to it hangs, others can read it.
    private static readonly TimeSpan OldFactsServe = TimeSpan.FromSeconds(5);

    // As many bell sounds as silos may report at about the same time.
    private const int MostBells = 16;

    // After the loss of the reader's silo, every silo with a free slot looks by itself, spread over this time.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private static readonly IReadOnlySet<string> NothingRefused = new HashSet<string>();

    private readonly string run;
    private readonly string silo;
    private readonly RunWatch watch;
    private readonly Action<string, int> wake;
    private readonly Func<IReadOnlySet<string>> wakeable;
    private readonly TimeProvider time;
    private readonly Action<RunFacts>? noticed;
    private readonly NewsDesk news;
    private readonly HandOut handOut;
    private readonly WaitingSilos waiters = new();
    private readonly Queue<string> bells = new();
    private readonly Dictionary<StageId, long> lastReports = [];
    private readonly long beganAt;

    private long? doubtedAt;
    private bool isDoubtDue;
    private bool succeedsAnother;
    private int looks;

    /// <param name="silo">The address of the silo it is on.</param>
    /// <param name="wake">Wakes the slot loop of a silo, as one of so many that are woken. Does not throw; may be lost.</param>
    /// <param name="wakeable">Addresses of the silos that understand a wake.</param>
    /// <param name="noticed">Told what each reading has found. Returns at once; does not throw.</param>
    public RunDesk(
        string run,
        string silo,
        RunWatch watch,
        Action<string, int> wake,
        Func<IReadOnlySet<string>> wakeable,
        TimeProvider time,
        Action<RunFacts>? noticed = null
    )
    {
        (this.run, this.silo, this.watch, this.wake, this.wakeable, this.time) = (run, silo, watch, wake, wakeable, time);
        this.noticed = noticed;
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
        // Otherwise a silo that the asker knows to be gone would still own its stages here.
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

    /// <summary>Waits for a reading; only briefly where older facts are known, which are good enough for a hint. For a while: they grow
    /// older as long as the store hangs.</summary>
    /// <exception cref="IOException">The store has not answered this silo for so long that the asker is to read it itself.</exception>
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
            return Reading.Overdue < OldFactsServe
                ? false
                : throw new IOException(
                    $"The store has not answered silo {silo}, which reads run '{run}' for all silos, for {Reading.Overdue.TotalSeconds:F0} s: what it knows is too old to go by. Read the store."
                );
        }
    }

    /// <summary>A document of the run was changed: reads it, and wakes silos for what is ready now.</summary>
    public Task PokeAsync() => Reading.ReadAnewAsync(orders: true);

    /// <summary>Takes an owner's report; answered from memory.</summary>
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
            // From an owner that has just taken the stage, or a wrong report: the root decides.
            await DoubtAsync(id);
        }

        Reading.Hear(id, progress);
        if (progress.EpochToken == known.EpochToken && progress.RootRevision > known.Revision)
        {
            if (progress.HasEnded && known.Owner is { } owner)
            {
                // It may leave, and then looks no more: its last look must not have it woken for its own stage. One that stays looks now.
                waiters.Asked(owner.Silo, left: 0, NothingRefused);
            }

            // It has committed, finished or released since. The answer does not wait for the reading.
            DoubtAsync(id, atOnce: progress.HasEnded && IsFirstLastReport(id, progress.EpochToken)).Ignore();
        }

        // The run may have gone while it was read again.
        return Reading.Facts is { } now ? new OwnerOrders(now.Intent, now.RootOf(id).EpochToken, now.Spec.Operations) : null;
    }

    /// <summary>Reads a stage's root again whatever its age, but not more often than usual: a sender of wrong reports causes no more reads
    /// than that. A report that comes sooner is read when that time is over, since silos may wait for it.</summary>
    /// <param name="atOnce">Also if it is sooner.</param>
    private async Task DoubtAsync(StageId id, bool atOnce = false)
    {
        Reading.Doubt(id);
        if (!atOnce && doubtedAt is { } at && Fresh - time.GetElapsedTime(at) is var early && early > TimeSpan.Zero)
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

    /// <summary>Silos wait for a stage that its owner has released: its last report is read at once. Each take has one.</summary>
    private bool IsFirstLastReport(StageId id, long epochToken)
    {
        if (lastReports.GetValueOrDefault(id) >= epochToken)
        {
            return false;
        }

        lastReports[id] = epochToken;
        return true;
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

    /// <summary>After every reading, ready work wakes silos. A look hands work out first, and wakes for the rest.</summary>
    private void WakeWhenRead()
    {
        if (noticed is not null && Reading.Facts is { } read)
        {
            noticed(read with { Progress = Reading.Progress });
        }

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

    /// <summary>Whether the former reader's silo, or an owner's, was lost a moment ago.</summary>
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

    /// <summary>Has the roots of owners read again that were alive at the last reading and are gone now: they may have committed
    /// since.</summary>
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
