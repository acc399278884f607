using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Buries dead silos once before Orleans reads the table, and again twice a second until it has joined: the silos of other machines of a
/// cluster that has just vanished are not proven dead yet when the first silo comes. Then only those that this silo cannot reach, and it
/// costs the store nothing while there are none.
/// </summary>
internal sealed partial class Burial(
    DeadSilos dead,
    Suspicions suspicions,
    IClusterMembershipService membership,
    TimeProvider time,
    ILogger<Burial> log
) : ILifecycleParticipant<ISiloLifecycle>
{
    // Far shorter than the gap between two looks that would make a watch begin anew, for on a busy machine they come late.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(0.5);

    private volatile bool hasJoined;
    private bool failed;

    public void Participate(ISiloLifecycle lifecycle)
    {
        var ending = new CancellationTokenSource();
        var loop = Task.CompletedTask;

        // Orleans reads the table at RuntimeGrainServices; when Active begins, the silo has joined.
        lifecycle.Subscribe(
            nameof(Burial),
            ServiceLifecycleStage.RuntimeServices,
            async start =>
            {
                await BuryAsync(only: null, start);
                loop = Task.Run(() => RepeatAsync(ending.Token), CancellationToken.None);
            },
            async _ =>
            {
                await ending.CancelAsync();
                await loop;
            }
        );
        lifecycle.Subscribe(
            nameof(Burial),
            ServiceLifecycleStage.Active,
            _ =>
            {
                hasJoined = true;
                return Task.CompletedTask;
            }
        );
    }

    private async Task RepeatAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ending))
            {
                var only = hasJoined ? suspicions.Current : null;
                if (only is { Count: 0 })
                {
                    continue;
                }

                try
                {
                    await BuryAsync(only, ending);
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

    private async Task BuryAsync(IReadOnlySet<string>? only, CancellationToken cancellationToken)
    {
        var buried = await dead.BuryAsync(only, cancellationToken);
        foreach (var silo in buried)
        {
            LogBuried(log, silo.Name, silo.Silo, silo.Reason);
            suspicions.Drop(silo.Silo);
        }

        if (buried.Count > 0 && hasJoined)
        {
            // Its stages can be taken once Orleans knows.
            await membership.Refresh(cancellationToken: cancellationToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} ({Silo}) is marked dead: {Reason}.")]
    private static partial void LogBuried(ILogger logger, string name, string silo, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Dead silos cannot be looked for: {Error} That is tried again twice a second.")]
    private static partial void LogFailed(ILogger logger, string error);
}
