using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Runs;

/// <summary>
/// A run as its reader knows it: what was read, and the owners' later reports. Only documents that may have changed are read again; calls
/// that come during a reading share it. For one scheduler.
/// </summary>
/// <param name="whenRead">Called when a reading has replaced the facts, before those who wait for it go on. May not fail.</param>
internal sealed class RunCache(string run, RunWatch watch, TimeProvider time, Action? whenRead = null)
{
    // A change by hand is seen after this time; other changes are reported: by the owner, the orders' bell, or a silo that finds the stage
    // changed.
    private static readonly TimeSpan StillFor = TimeSpan.FromSeconds(10);

    // Owners report once a second. One that does not may be cut off from this silo; then only the store shows its state.
    private static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(4);

    private readonly Dictionary<StageId, (StageProgress Progress, long At)> told = [];
    private readonly HashSet<StageId> doubted = [];
    private Round? underWay;
    private Round? next;
    private bool wantsOrders;
    private long beganAt;

    // By readings that failed, since the last one that did not.
    private TimeSpan unanswered;

    public RunFacts? Facts { get; private set; }

    /// <summary>When the reading of <see cref="Facts"/> began.</summary>
    public long ReadAt { get; private set; }

    /// <summary>Since <see cref="ReadAt"/>; the longest there is where nothing was read.</summary>
    public TimeSpan Age => Facts is null ? TimeSpan.MaxValue : time.GetElapsedTime(ReadAt);

    /// <summary>For how long readings have been under way, and none has succeeded. The time between them does not count: nobody waited.
    /// Zero where none is under way.</summary>
    public TimeSpan Overdue => underWay is null ? TimeSpan.Zero : unanswered + time.GetElapsedTime(beganAt);

    /// <summary>The owners' last reports, where the root confirms them; otherwise the progress in the store.</summary>
    public IReadOnlyDictionary<StageId, StageProgress> Progress
    {
        get
        {
            var newest = new Dictionary<StageId, StageProgress>(Facts!.Progress);
            foreach (var (id, (progress, _)) in told.Where(pair => pair.Value.Progress.IsOf(Facts.RootOf(pair.Key))))
            {
                if (!newest.TryGetValue(id, out var stored) || !stored.IsOf(Facts.RootOf(id)) || progress.At > stored.At)
                {
                    newest[id] = progress;
                }
            }

            return newest;
        }
    }

    /// <summary>Takes an owner's report, if the root that was read confirms it.</summary>
    public void Hear(StageId id, StageProgress progress)
    {
        if (Facts is not null && progress.IsOf(Facts.RootOf(id)))
        {
            told[id] = (progress, time.GetTimestamp());
        }
    }

    /// <summary>The root of this stage is read again at the next reading, however well it is known.</summary>
    public void Doubt(StageId id) => doubted.Add(id);

    public void Forget()
    {
        told.Clear();
        doubted.Clear();
        Facts = null;
    }

    /// <summary>A reading that begins after this call.</summary>
    /// <param name="orders">Whether to read spec, intent and operations although the bell did not ring.</param>
    public Task ReadAnewAsync(bool orders)
    {
        wantsOrders |= orders;
        return underWay is null ? Begin() : (next ??= new Round()).JoinAsync();
    }

    /// <summary>The reading that is under way, or another one.</summary>
    /// <param name="orders">As above, where it is another one.</param>
    public Task ReadAsync(bool orders)
    {
        if (underWay is { } round)
        {
            return round.JoinAsync();
        }

        wantsOrders |= orders;
        return Begin();
    }

    /// <summary>Reads again when the facts are older than <paramref name="fresh"/>; waits for that when they are older than <paramref
    /// name="stale"/>.</summary>
    /// <param name="orders">As above.</param>
    /// <exception cref="InvalidDataException">The run cannot be read, and what was read before is too old.</exception>
    public async Task RefreshAsync(TimeSpan fresh, TimeSpan stale, bool orders)
    {
        var age = Age;
        if (age < fresh)
        {
            return;
        }

        var reading = ReadAsync(orders);
        if (age > stale)
        {
            await reading;
        }
        else
        {
            reading.Ignore();
        }
    }

    private Task Begin()
    {
        var round = underWay = next ?? new Round();
        next = null;
        beganAt = time.GetTimestamp();
        var joined = round.JoinAsync();
        _ = RunAsync(round);
        return joined;
    }

    private async Task RunAsync(Round round)
    {
        Exception? failure = null;
        try
        {
            await NewAsync();
            unanswered = TimeSpan.Zero;
            whenRead?.Invoke();
        }
        catch (Exception e)
        {
            failure = e;
            unanswered += time.GetElapsedTime(beganAt);
        }

        underWay = null;
        if (next is not null)
        {
            Begin().Ignore();
        }

        round.End(failure);
    }

    private async Task NewAsync()
    {
        var orders = wantsOrders;
        wantsOrders = false;
        var asked = doubted.ToList();
        doubted.Clear();
        try
        {
            var from = time.GetTimestamp();
            var alive = watch.AliveSilos();
            bool IsStill(StageId id, StageRoot? root, TimeSpan age) => age < StillFor && !asked.Contains(id) && IsKnown(id, root, alive);
            Facts = orders ? await watch.ReadAsync(run, IsStill) : await watch.GlanceAsync(run, IsStill);
            ReadAt = from;
        }
        catch
        {
            doubted.UnionWith(asked);
            wantsOrders |= orders;
            throw;
        }
    }

    /// <summary>Whether a change of the root would be reported: by its living owner, or by the silo that takes the stage next.</summary>
    private bool IsKnown(StageId id, StageRoot? root, IReadOnlySet<string> alive) =>
        root?.Owner is not { } owner
        || !alive.Contains(owner.Silo)
        || (
            told.TryGetValue(id, out var word)
            && word.Progress.EpochToken == root.EpochToken
            && word.Progress.RootRevision <= root.Revision
            && time.GetElapsedTime(word.At) < HeardWithin
        );

    /// <summary>One reading, for all who wait for it.</summary>
    private sealed class Round
    {
        private readonly List<TaskCompletionSource> waiters = [];

        public Task JoinAsync()
        {
            var waiter = new TaskCompletionSource();
            waiters.Add(waiter);
            return waiter.Task;
        }

        public void End(Exception? failure)
        {
            foreach (var waiter in waiters)
            {
                if (failure is null)
                {
                    waiter.SetResult();
                }
                else
                {
                    waiter.SetException(failure);
                    waiter.Task.Ignore();
                }
            }
        }
    }
}
