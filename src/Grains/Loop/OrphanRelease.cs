using Microsoft.Extensions.Logging;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Loop;

/// <summary>
/// A take whose answer was lost, or an end that could not be written, leaves this silo as an owner that trains nothing: it releases such
/// stages, so that any silo can take them.
/// </summary>
internal sealed partial class OrphanRelease(
    IObjectStore store,
    LocalWork local,
    ReadySince sights,
    ILocalSiloDetails silo,
    TimeProvider time,
    ILogger<OrphanRelease> log
)
{
    /// <returns>The facts after the release.</returns>
    public async Task<RunFacts> FromAsync(RunFacts facts, CancellationToken stop)
    {
        var me = silo.SiloAddress.ToParsableString();
        var released = new Dictionary<StageId, StageRoot>(facts.Roots);
        foreach (
            var (id, root) in facts.Roots.Where(pair =>
                pair.Value.Owner?.Silo == me && !local.Has(WorkName.Train(facts.Spec.Name, pair.Key))
            )
        )
        {
            try
            {
                released[id] = await ReleaseAsync(facts, id, root, stop) ?? root;
            }
            catch (Exception e) when (e is FencedException or InvalidOperationException)
            {
                // Another process has written the root at this moment: the next look reads it.
                LogNotReleased(log, StageKey.Of(facts.Spec.Name, id), e.Message);
            }
        }

        return facts with
        {
            Roots = released,
        };
    }

    /// <returns>Null where it is no orphan any more.</returns>
    private async Task<StageRoot?> ReleaseAsync(RunFacts facts, StageId id, StageRoot seen, CancellationToken stop)
    {
        var run = facts.Spec.Name;
        var documents = new RunDocuments(store, run);
        var commit = new RootCommit(new CopyingRootDocument(documents.Root(id), store, RunPaths.RootCopy(run, id)), time);
        if (!await commit.TryResumeAsync(seen.Owner!.Silo, seen.EpochToken, stop))
        {
            return null;
        }

        var before = commit.Root;
        // As if the owner had been lost at its last report: training since its last commit is lost, and afterwards the stage had no owner.
        var unowned = new UnownedTime
        {
            Root = before,
            Progress = await documents.TryReadProgressAsync(id, stop),
            SubmittedAt = facts.SubmittedAt ?? before.WrittenAt,
            ServedSince = sights.ServedSince,
        };
        var telemetry = new StageTelemetry(run, id.ToString());
        using var span = telemetry.Releasing();
        var ledger = unowned.Until(time.GetUtcNow());
        var root = await commit.ReleaseAsync(ReleaseCause.Left, before.DurableStep + unowned.LostSteps, ledger, cancellationToken: stop);
        await commit.Behind;
        telemetry.Released(ReleaseCause.Left, unowned.LostSteps);
        LogOrphan(log, StageKey.Of(run, id));
        await TellAsync(run, id, before, root, unowned.LostSteps);
        return root;
    }

    /// <summary>Does not throw: the release holds without the event.</summary>
    private async Task TellAsync(string run, StageId id, StageRoot before, StageRoot root, long lostSteps)
    {
        try
        {
            var lost = lostSteps > 0 ? $"; {lostSteps} steps after it are lost" : "";
            await new RunEvents(store, run).AppendAsync(
                new RunEvent(
                    time.GetUtcNow(),
                    EventKind.StageReleased,
                    id.ToString(),
                    $"{before.Owner!.SiloName} owned it although nothing of it ran there, and released it at step {root.DurableStep}{lost}."
                )
                {
                    Silo = before.Owner.SiloName,
                    Cost = new EventCost(
                        lostSteps,
                        root.Ledger.LostSeconds - before.Ledger.LostSeconds,
                        root.Ledger.DownSeconds - before.Ledger.DownSeconds
                    ),
                }
            );
        }
        catch (IOException e)
        {
            LogNotTold(log, StageKey.Of(run, id), e.Message);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Stage} had this silo as its owner although nothing of it runs here; it was released."
    )]
    private static partial void LogOrphan(ILogger logger, string stage);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Stage} has this silo as its owner although nothing of it runs here, and could not be released yet: {Reason}"
    )]
    private static partial void LogNotReleased(ILogger logger, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The release of {Stage} could not be told: {Reason}")]
    private static partial void LogNotTold(ILogger logger, string stage, string reason);
}
