using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Slots;

/// <summary>
/// The drive of everything: looks for a stage that is ready and has no living owner, for a snapshot that has no score, for members that
/// are not averaged, and offers them free slots. There is no dispatcher: a new silo takes work by itself.
/// </summary>
internal sealed partial class SlotLoop(
    SlotTable slots,
    IObjectStore store,
    RunWatch watch,
    Offers offers,
    OrphanRelease orphans,
    DocumentMending mending,
    ReadySights sights,
    Fingerprints fingerprints,
    LocalWork local,
    IdleClock idle,
    LoopPulse pulse,
    Departure departure,
    SiloGauges gauges,
    TimeProvider time,
    ILogger<SlotLoop> log) : BackgroundService
{
    // Whoever makes a run rings. One that was put into the store by hand is found at last then.
    private static readonly TimeSpan ListEvery = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly RestingRuns resting = new(time);
    private IReadOnlyList<string> runs = [];
    private long listedAt;

    // A look that fails has not heard what it was told.
    private bool rung = true;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // At once, and while an offer may be under way: nothing can begin any more, what runs commits its last step.
        await Task.WhenAll(local.StopAsync(StopReason.Requested, deadline: null, cancellationToken), base.StopAsync(cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Before the first offer: loading libtorch and the canned training take seconds that no grain's turn has.
        await Task.Run(() => slots.All.Select(fingerprints.Of).ToList(), stoppingToken);
        LogServing(log, string.Join(' ', slots.All));
        using var woken = watch.OnSilosChanged(slots.Poke);
        var pace = new LookPace();
        while (!stoppingToken.IsCancellationRequested)
        {
            pulse.Beat();
            try
            {
                var (offered, ready) = await LookAsync(stoppingToken);
                if (idle.Looked(ready || local.Names.Count > 0) is { } idleFor)
                {
                    await LeaveAsync(idleFor);
                    return;
                }

                if (offered)
                {
                    pace.Stirred();
                }

                if (await slots.WaitAsync(pace.Pause, stoppingToken))
                {
                    pace.Stirred();
                }
                else
                {
                    pace.Quiet();
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                // A store that is away for a while, a damaged document, a grain that moves: look again a little later.
                LogLookFailed(log, e.Message, e);
                await Task.Delay(AfterFailure, CancellationToken.None);
            }
        }
    }

    private Task LeaveAsync(TimeSpan idleFor) => departure.LeaveAsync(
        StopReason.Requested,
        Departure.Idle,
        string.Create(CultureInfo.InvariantCulture, $"nothing was ready for {idleFor.TotalSeconds:F0} s (option --exit-when-idle)."),
        deadline: null);

    /// <returns>Whether a slot was offered to anything, and whether anything was ready that this silo could do.</returns>
    private async Task<(bool Offered, bool Ready)> LookAsync(CancellationToken stop)
    {
        rung |= await watch.ListenAsync(stop);
        if (rung || time.GetElapsedTime(listedAt) >= ListEvery)
        {
            runs = await RunDocuments.ListRunsAsync(store, stop).ToListAsync(stop);
            listedAt = time.GetTimestamp();
            resting.Keep(runs);
        }

        var all = new List<RunFacts>();
        foreach (var run in runs)
        {
            pulse.Beat();
            if (resting.IsLeftAlone(run, rung))
            {
                continue;
            }

            var facts = await TryReadAsync(run, stop);
            resting.Saw(run, facts);
            if (facts is not null)
            {
                all.Add(facts);
            }
        }

        rung = false;

        foreach (var facts in all)
        {
            sights.Look(facts);
            gauges.Look(facts);
        }

        var ready = offers.HasReady(all);
        return (await offers.MakeAsync(all, stop), ready);
    }

    private async Task<RunFacts?> TryReadAsync(string run, CancellationToken stop)
    {
        try
        {
            var facts = await watch.GlanceAsync(run, stop);
            if (facts is not null && await mending.MendAsync(facts, stop))
            {
                facts = await watch.ReadAsync(run, stop);
            }

            return facts is null ? null : await orphans.FromAsync(facts, stop);
        }
        catch (Exception e) when (e is InvalidDataException or RootConflictException)
        {
            LogUnreadable(log, run, e.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving with slots {Slots}.")]
    private static partial void LogServing(ILogger logger, string slots);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for work failed and is tried again: {Reason}")]
    private static partial void LogLookFailed(ILogger logger, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} cannot be read and is left alone: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string run, string reason);
}
