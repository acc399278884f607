using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Loop;

/// <summary>One look of a silo for work: which runs there are, what is ready of them, and offers of free slots to it. For one
/// caller.</summary>
internal sealed partial class Look(
    IObjectStore store,
    RunWatch watch,
    RunAsking asking,
    Offers offers,
    SlotMoving moving,
    OrphanRelease orphans,
    DocumentMending mending,
    ReadySince sights,
    SlotTable slots,
    LocalWork local,
    FleetWork fleet,
    Warming warming,
    ILocalSiloDetails silo,
    LoopPulse pulse,
    TimeProvider time,
    ILogger<Look> log
)
{
    // Submissions ring the bell. A run that was put into the store by hand is found by this.
    private static readonly TimeSpan ListEvery = TimeSpan.FromMinutes(1);

    private readonly RestingRuns resting = new(time);
    private readonly Dictionary<string, int> priorities = new(StringComparer.Ordinal);
    private IReadOnlyList<string> runs = [];
    private long listedAt;

    // Stays set until a look has succeeded.
    private bool rung = true;

    /// <returns>Whether a slot was offered to anything; and whether work is under way here, or was ready that this silo could do.</returns>
    public async Task<(bool Offered, bool Busy)> OnceAsync(CancellationToken stop)
    {
        rung |= await watch.ListenAsync(stop);
        if (rung || time.GetElapsedTime(listedAt) >= ListEvery)
        {
            runs = await RunDocuments.ListRunsAsync(store, stop).ToListAsync(stop);
            listedAt = time.GetTimestamp();
            resting.Keep(runs);
        }

        var all = new List<RunView>();
        var old = false;
        ExceptionDispatchInfo? failed = null;
        var free = local.Stops ? 0 : offers.Most;
        await LearnPrioritiesAsync(stop);
        // Work that is handed to this silo of one run uses slots that the next run cannot have.
        var order = runs.OrderByDescending(run => priorities.GetValueOrDefault(run))
            .ThenBy(run => run, StringComparer.Ordinal)
            .Where(run => !resting.IsLeftAlone(run, rung))
            .ToList();
        var probed = false;
        foreach (var (index, run) in order.Index())
        {
            pulse.Beat();

            RunView? view;
            try
            {
                view = await TryLookAsync(run, free, stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // Nothing is known of this run now; the work of the others must not wait for it.
                LogFailed(log, run, e.Message);
                failed ??= ExceptionDispatchInfo.Capture(e);
                continue;
            }

            if (!probed && asking.IsSilent(run))
            {
                // A silo that hangs may hold the grains of other runs too.
                probed = true;
                await asking.ProbeAsync(order.Skip(index + 1), stop);
            }

            if (view is { IsOld: true })
            {
                old = true;
            }
            else
            {
                resting.Saw(run, view?.Facts);
            }

            if (view is not null)
            {
                all.Add(view);
                free = Math.Max(0, free - (view.Handed?.Count ?? 0));
                priorities[run] = view.Facts.Spec.Operations.Priority;
                sights.Look(view.Facts);
            }
        }

        if (all.Count == 0)
        {
            failed?.Throw();
        }

        // The ring is handled once every run was read after it.
        rung = rung && (old || failed is not null);
        fleet.IsUnderWayElsewhere = all.Exists(view => IsUnderWayElsewhere(view.Facts));
        List<RunFacts> facts = [.. all.Select(view => view.Facts)];
        var busy = local.Names.Count > 0 || offers.Ready(facts).Count > 0;
        var offered = await offers.MakeAsync(all, stop);
        // What was taken by this offer waits no more.
        await moving.MoveAsync(facts, offers.Ready(facts), stop);
        if (!busy && !offered && slots.Free.Count > 0)
        {
            warming.Begin(facts);
        }

        return (offered, busy);
    }

    private bool IsUnderWayElsewhere(RunFacts facts) =>
        facts.Roots.Values.Any(root =>
            root is { Finished: false, Owner: { } owner }
            && owner.Silo != silo.SiloAddress.ToParsableString()
            && facts.AliveSilos.Contains(owner.Silo)
        );

    /// <summary>Of runs that were never looked at nothing is to be handed out before it is known which of all is first.</summary>
    private async Task LearnPrioritiesAsync(CancellationToken stop)
    {
        var unknown = runs.Count > 1 ? runs.Where(run => !priorities.ContainsKey(run)).ToList() : [];
        await asking.ProbeAsync(unknown, stop);
        foreach (var run in unknown)
        {
            pulse.Beat();
            try
            {
                if (await TryLookAsync(run, free: 0, stop) is { } view)
                {
                    priorities[run] = view.Facts.Spec.Operations.Priority;
                }
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                LogFailed(log, run, e.Message);
            }
        }
    }

    private async Task<RunView?> TryLookAsync(string run, int free, CancellationToken stop)
    {
        try
        {
            var view = await asking.LookAsync(run, free, offers.NotMine, mended: false, stop);
            if (view is not null && await mending.MendAsync(view.Facts, stop))
            {
                view = await asking.LookAsync(run, free, offers.NotMine, mended: true, stop);
            }

            return view is null ? null : view with { Facts = await orphans.FromAsync(view.Facts, stop) };
        }
        catch (Exception e) when (e is InvalidDataException or RootConflictException)
        {
            LogUnreadable(log, run, e.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking at run {Run} failed and is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string run, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} cannot be read and is left alone: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string run, string reason);
}
