using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Marks dead silos once before Orleans reads the table, and then twice a second until the silo has joined: after the loss of a whole
/// cluster, silos of other machines are not proven dead yet when the first new silo starts. Later it checks only silos that this one cannot
/// reach, whose process on this machine is gone, or whose heartbeat is late, and at once when a connection between silos ends; without such
/// silos it costs the store nothing. Changes that a heartbeat reads are passed to Orleans, which otherwise reads every five seconds.
/// </summary>
internal sealed partial class Burial(
    ISiloRows rows,
    DeadSilos dead,
    Suspicions suspicions,
    IClusterMembershipService membership,
    ConnectionEnds ends,
    TimeProvider time,
    ILogger<Burial> log
) : ILifecycleParticipant<ISiloLifecycle>
{
    // Far shorter than the gap between two looks that would make a watch begin anew, for on a busy machine they come late.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(0.5);

    // The system takes a killed process's connections away before the process.
    private static readonly TimeSpan AfterAnEnd = TimeSpan.FromSeconds(0.05);

    private volatile bool hasJoined;
    private bool failed;
    private long refreshedFor;

    public void Participate(ISiloLifecycle lifecycle)
    {
        dead.HeedsRefusals = false;
        // Orleans reads the table at RuntimeGrainServices; when Active begins, the silo has joined.
        lifecycle.SubscribeLoop(
            nameof(Burial),
            ServiceLifecycleStage.RuntimeServices,
            RepeatAsync,
            first: start => BuryAsync(only: null, start)
        );
        lifecycle.Subscribe(
            nameof(Burial),
            ServiceLifecycleStage.Active,
            _ =>
            {
                hasJoined = dead.HeedsRefusals = true;
                return Task.CompletedTask;
            }
        );
    }

    private async Task RepeatAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(Period, time);
        var (tick, next) = (timer.WaitForNextTickAsync(ending).AsTask(), ends.Next);
        try
        {
            while (true)
            {
                if (await Task.WhenAny(hasJoined ? [tick, next] : [tick]) == tick)
                {
                    await tick;
                    tick = timer.WaitForNextTickAsync(ending).AsTask();
                }
                else
                {
                    await Task.Delay(AfterAnEnd, time, ending);
                }

                next = ends.Next;
                try
                {
                    var only = hasJoined ? await DoubtfulAsync(ending) : null;
                    if (only is not { Count: 0 })
                    {
                        await BuryAsync(only, ending);
                    }

                    await RefreshAsync(ending);
                    failed = false;
                }
                catch (Exception e) when (!ending.IsCancellationRequested)
                {
                    if (!failed)
                    {
                        LogFailed(log, e.Message);
                    }

                    failed = true;
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task<IReadOnlySet<string>> DoubtfulAsync(CancellationToken cancellationToken)
    {
        if (dead.Doubtful.Count > 0)
        {
            // Read again, so that only silos whose heartbeat is still late count.
            await rows.ReadAsync(cancellationToken);
        }

        // Whom others have buried meanwhile deserves no further look.
        var gone = (rows.LastRead?.Rows ?? []).Where(row => row.Status == SiloStatus.Dead).Select(row => row.Silo);
        return suspicions.Current.Except(gone).Union(dead.Doubtful).ToHashSet(StringComparer.Ordinal);
    }

    private async Task BuryAsync(IReadOnlySet<string>? only, CancellationToken cancellationToken)
    {
        var buried = await dead.BuryAsync(only, cancellationToken);
        foreach (var silo in buried)
        {
            LogBuried(log, silo.Name, silo.Silo, silo.Reason);
            suspicions.Drop(silo.Silo);
        }
    }

    /// <summary>A dead silo's stages can be taken once Orleans knows of its death.</summary>
    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        // Once for each version: those of a document that was begun anew are lower.
        if (hasJoined && rows.LastRead?.Version is { } read && read > membership.CurrentSnapshot.Version.Value && read != refreshedFor)
        {
            refreshedFor = read;
            await membership.Refresh(cancellationToken: cancellationToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} ({Silo}) is marked dead: {Reason}.")]
    private static partial void LogBuried(ILogger logger, string name, string silo, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Dead silos cannot be looked for: {Error} That is tried again twice a second.")]
    private static partial void LogFailed(ILogger logger, string error);
}
