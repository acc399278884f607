using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Members;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training;

namespace Slowrun.Grains.Slots;

/// <summary>
/// The drive of everything: while a slot of this silo is free, looks about once a second (at once when poked) for a stage that is ready
/// and has no living owner, or a snapshot that has no score, and takes it. There is no dispatcher: a new silo takes work by itself.
/// </summary>
internal sealed partial class SlotLoop(
    SlotTable slots,
    IObjectStore store,
    RunWatch watch,
    EnsembleMixer mixer,
    Fingerprints fingerprints,
    LocalWork local,
    OfferPace pace,
    TimeProvider time,
    IGrainFactory grains,
    ILocalSiloDetails silo,
    ILogger<SlotLoop> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    // A grain that moves here is there after some milliseconds.
    private static readonly TimeSpan MoveTime = TimeSpan.FromMilliseconds(100);
    private const int MostMoves = 5;

    // Runs that have succeeded are left alone for so long; then they are read again: a damaged score may have been deleted to be made anew.
    private static readonly TimeSpan SucceededFor = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, long> succeeded = new(StringComparer.Ordinal);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // At once, and while an offer may be under way: nothing can begin any more, what runs commits its last step.
        await Task.WhenAll(local.StopAsync(StopReason.Requested, cancellationToken), base.StopAsync(cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Before the first offer: loading libtorch and the canned training take seconds that no grain's turn has.
        await Task.Run(() => slots.All.Select(fingerprints.Of).ToList(), stoppingToken);
        LogServing(log, string.Join(' ', slots.All));
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(stoppingToken);
                await slots.WaitAsync(Every, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                // A store that is away for a while, a damaged document, a grain that moves: look again a little later.
                LogLookFailed(log, e.Message, e);
                await Task.Delay(Every, CancellationToken.None);
            }
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        var all = new List<RunFacts>();
        await foreach (var run in RunDocuments.ListRunsAsync(store, stop))
        {
            if (!IsLeftAlone(run) && await TryReadAsync(run, stop) is { } facts)
            {
                all.Add(facts);
            }
        }

        foreach (var facts in all.OrderByDescending(facts => facts.Spec.Operations.Priority).ThenBy(facts => facts.Spec.Name, StringComparer.Ordinal))
        {
            if (Readiness.StateOf(facts) == RunState.Succeeded)
            {
                succeeded[facts.Spec.Name] = time.GetTimestamp();
            }

            await OfferAsync(facts, stop);
            await MixAsync(facts, stop);
        }
    }

    private bool IsLeftAlone(string run) => succeeded.TryGetValue(run, out var at) && time.GetElapsedTime(at) < SucceededFor;

    private async Task MixAsync(RunFacts facts, CancellationToken stop)
    {
        var key = $"mix {facts.Spec.Name}";
        if (Readiness.EnsembleDue(facts) is { } members && pace.IsDue(key))
        {
            try
            {
                await mixer.MixAsync(facts, members, stop);
                pace.Succeeded(key);
                slots.Poke();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A damaged vector is this run's trouble alone.
                pace.Refused(key);
                LogMixFailed(log, facts.Spec.Name, e.Message, e);
            }
        }
    }

    /// <summary>Scoring first: it takes a thousandth of a stage's time, shows what came out, and leaves the slots together for what is next.</summary>
    private async Task OfferAsync(RunFacts facts, CancellationToken stop)
    {
        var run = facts.Spec.Name;
        var train = Readiness.ToTrain(facts).Where(id => CanTrain(facts.RootOf(id)) && pace.IsDue(StageKey.LocalOf(run, id))).ToList();
        var score = Readiness.ToScore(facts).Where(id => !local.Has(MemberGrain.LocalOf(run, id)) && pace.IsDue(MemberGrain.LocalOf(run, id))).ToList();
        var ready = train.Count + score.Count;
        foreach (var id in score)
        {
            var share = SlotShares.Next(slots.Free, ready--, lanes: 1);
            var member = grains.GetGrain<IMemberGrain>(StageKey.Of(run, id));
            await OfferAsync(MemberGrain.LocalOf(run, id), share, member.Score, stop);
        }

        foreach (var id in train)
        {
            var share = SlotShares.Next(slots.Free, ready--, facts.Plan[id].Stage.Lanes);
            var stage = grains.GetGrain<IStageGrain>(StageKey.Of(run, id));
            await OfferAsync(StageKey.LocalOf(run, id), share, stage.Take, stop);
        }
    }

    /// <summary>A started stage goes only to slots that give the same bits: offering others would only move its grain about.</summary>
    private bool CanTrain(StageRoot root) => root.Identity is not { } identity
        || (identity.EngineRevision == Engine.Revision && slots.All.Any(slot => fingerprints.Of(slot) == identity.NumericsFingerprint));

    private async Task OfferAsync(string work, IReadOnlyList<string> share, Func<SlotOffer, Task<TakeAnswer>> take, CancellationToken stop)
    {
        for (var moves = 0; share.Count > 0 && moves < MostMoves && !stop.IsCancellationRequested; moves++)
        {
            try
            {
                RequestContext.Set(IPlacementDirector.PlacementHintKey, silo.SiloAddress);
                var answer = await take(new SlotOffer(silo.SiloAddress.ToParsableString(), share));
                LogOffered(log, work, string.Join(' ', share), answer.Taken, answer.Reason);
                if (!answer.Moving)
                {
                    if (!answer.Taken)
                    {
                        pace.Refused(work);
                    }

                    return;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // One stage's trouble must not keep the others waiting.
                pace.Refused(work);
                LogOfferFailed(log, work, e.Message, e);
                return;
            }
            finally
            {
                RequestContext.Remove(IPlacementDirector.PlacementHintKey);
            }

            await Task.Delay(MoveTime, time, stop);
        }
    }

    private async Task<RunFacts?> TryReadAsync(string run, CancellationToken stop)
    {
        try
        {
            return await watch.ReadAsync(run, stop) is { } facts ? await ReleaseOrphansAsync(facts, stop) : null;
        }
        catch (Exception e) when (e is InvalidDataException or RootConflictException)
        {
            LogUnreadable(log, run, e.Message);
            return null;
        }
    }

    /// <summary>
    /// A take whose answer was lost, or an end that could not be written, leaves this silo as an owner that trains nothing: it lets go of
    /// such stages, for whoever comes first.
    /// </summary>
    private async Task<RunFacts> ReleaseOrphansAsync(RunFacts facts, CancellationToken stop)
    {
        var me = silo.SiloAddress.ToParsableString();
        var released = new Dictionary<StageId, StageRoot>(facts.Roots);
        foreach (var (id, root) in facts.Roots.Where(pair => pair.Value.Owner?.Silo == me && !local.Has(StageKey.LocalOf(facts.Spec.Name, pair.Key))))
        {
            var document = new RunDocuments(store, facts.Spec.Name).Root(id);
            if (await document.ReadAsync(stop) is { } now && now.EpochToken == root.EpochToken && now.Owner?.Silo == me)
            {
                released[id] = now with { Owner = null, WriteId = Guid.NewGuid().ToString("N"), WrittenAt = time.GetUtcNow() };
                await document.WriteAsync(released[id], stop);
                LogOrphan(log, StageKey.Of(facts.Spec.Name, id));
            }
        }

        return facts with { Roots = released };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving with slots {Slots}.")]
    private static partial void LogServing(ILogger logger, string slots);

    [LoggerMessage(Level = LogLevel.Debug, Message = "To {Work} were offered {Slots}: taken {Taken}. {Reason}")]
    private static partial void LogOffered(ILogger logger, string work, string slots, bool taken, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "To {Work} no slot could be offered: {Reason}")]
    private static partial void LogOfferFailed(ILogger logger, string work, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for work failed and is tried again: {Reason}")]
    private static partial void LogLookFailed(ILogger logger, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} cannot be read and is left alone: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string run, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The members of {Run} could not be mixed: {Reason}")]
    private static partial void LogMixFailed(ILogger logger, string run, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} had this silo as its owner although nothing of it runs here; it was released.")]
    private static partial void LogOrphan(ILogger logger, string stage);
}
