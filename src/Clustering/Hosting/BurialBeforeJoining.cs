using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Buries dead silos once before Orleans reads the table, and again every second until it has joined: the silos of other machines of a
/// cluster that has just vanished are not stale yet when the first silo comes.
/// </summary>
internal sealed partial class BurialBeforeJoining(DeadSilos dead, TimeProvider time, ILogger<BurialBeforeJoining> log) : ILifecycleParticipant<ISiloLifecycle>
{
    // Orleans tries the silos it could not reach again after one probe timeout, a second.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    public void Participate(ISiloLifecycle lifecycle)
    {
        var joined = new CancellationTokenSource();
        var loop = Task.CompletedTask;

        // Orleans reads the table at RuntimeGrainServices; when Active begins, the silo has joined.
        lifecycle.Subscribe(
            nameof(BurialBeforeJoining),
            ServiceLifecycleStage.RuntimeServices,
            async start =>
            {
                await BuryAsync(start);
                loop = Task.Run(() => RepeatAsync(joined.Token), CancellationToken.None);
            },
            _ => EndAsync());
        lifecycle.Subscribe(nameof(BurialBeforeJoining), ServiceLifecycleStage.Active, _ => EndAsync());

        async Task EndAsync()
        {
            await joined.CancelAsync();
            await loop;
        }
    }

    private async Task RepeatAsync(CancellationToken joined)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(joined))
            {
                await BuryAsync(joined);
            }
        }
        catch (OperationCanceledException) when (joined.IsCancellationRequested)
        {
            // Joined, or stopping.
        }
        catch (Exception e)
        {
            // Orleans reads the same document and fails of the same cause, where somebody waits for it.
            LogFailed(log, e);
        }
    }

    private async Task BuryAsync(CancellationToken cancellationToken)
    {
        foreach (var silo in await dead.BuryAsync(cancellationToken))
        {
            LogBuried(log, silo.Name, silo.Silo, silo.Reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} ({Silo}) is marked dead: {Reason}.")]
    private static partial void LogBuried(ILogger logger, string name, string silo, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for dead silos stopped: joining may take longer.")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
