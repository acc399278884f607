using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Members;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

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
    IGrainFactory grains,
    ILocalSiloDetails silo,
    ILogger<SlotLoop> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    // Runs where nothing happens any more whatever the intent says: not even read again.
    private readonly HashSet<string> succeeded = new(StringComparer.Ordinal);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // First nothing new is taken, then what runs is stopped: so nothing starts behind the stop.
        await base.StopAsync(cancellationToken);
        await local.StopAsync(StopReason.Requested, cancellationToken);
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
            if (!succeeded.Contains(run) && await TryReadAsync(run, stop) is { } facts)
            {
                all.Add(facts);
            }
        }

        foreach (var facts in all.OrderByDescending(facts => facts.Spec.Operations.Priority).ThenBy(facts => facts.Spec.Name, StringComparer.Ordinal))
        {
            if (Readiness.StateOf(facts) == RunState.Succeeded)
            {
                succeeded.Add(facts.Spec.Name);
            }

            if (Readiness.EnsembleDue(facts) is { } members)
            {
                await mixer.MixAsync(facts, members, stop);
            }

            await OfferAsync(facts, stop);
        }
    }

    /// <summary>Training before scoring: a chain's next stage waits for training only.</summary>
    private async Task OfferAsync(RunFacts facts, CancellationToken stop)
    {
        var train = Readiness.ToTrain(facts);
        var score = Readiness.ToScore(facts);
        var ready = train.Count + score.Count;
        foreach (var id in train)
        {
            var share = SlotShares.Next(slots.Free, ready--, facts.Plan[id].Stage.Lanes);
            await OfferAsync(facts.Spec.Name, id, share, offer => grains.GetGrain<IStageGrain>($"{facts.Spec.Name}/{id}").Take(offer), stop);
        }

        foreach (var id in score)
        {
            var share = SlotShares.Next(slots.Free, ready--, lanes: 1);
            await OfferAsync(facts.Spec.Name, id, share, offer => grains.GetGrain<IMemberGrain>($"{facts.Spec.Name}/{id}").Score(offer), stop);
        }
    }

    private async Task OfferAsync(string run, StageId id, IReadOnlyList<string> share, Func<SlotOffer, Task<TakeAnswer>> take, CancellationToken stop)
    {
        if (share.Count == 0 || stop.IsCancellationRequested)
        {
            return;
        }

        try
        {
            RequestContext.Set(IPlacementDirector.PlacementHintKey, silo.SiloAddress);
            var answer = await take(new SlotOffer(silo.SiloAddress.ToParsableString(), share));
            LogOffered(log, $"{run}/{id}", string.Join(' ', share), answer.Taken, answer.Reason);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // One stage's trouble must not keep the others waiting.
            LogOfferFailed(log, $"{run}/{id}", e.Message, e);
        }
        finally
        {
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        }
    }

    private async Task<RunFacts?> TryReadAsync(string run, CancellationToken stop)
    {
        try
        {
            return await watch.ReadAsync(run, stop) is { } facts ? WithoutOrphans(facts) : null;
        }
        catch (InvalidDataException e)
        {
            LogUnreadable(log, run, e.Message);
            return null;
        }
    }

    /// <summary>
    /// A take whose answer was lost leaves this silo as an owner that trains nothing: such a stage has no living owner.
    /// </summary>
    private RunFacts WithoutOrphans(RunFacts facts)
    {
        var me = silo.SiloAddress.ToParsableString();
        return facts with
        {
            Roots = facts.Roots.ToDictionary(
                pair => pair.Key,
                pair => pair.Value.Owner?.Silo == me && !local.Has(StageGrain.LocalKey(facts.Spec.Name, pair.Key)) ? pair.Value with { Owner = null } : pair.Value),
        };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving with slots {Slots}.")]
    private static partial void LogServing(ILogger logger, string slots);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Stage} was offered {Slots}: taken {Taken}. {Reason}")]
    private static partial void LogOffered(ILogger logger, string stage, string slots, bool taken, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} could not be offered a slot: {Reason}")]
    private static partial void LogOfferFailed(ILogger logger, string stage, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for work failed and is tried again: {Reason}")]
    private static partial void LogLookFailed(ILogger logger, string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} cannot be read and is left alone: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string run, string reason);
}
