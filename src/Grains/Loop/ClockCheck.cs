using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Storage;

namespace Slowrun.Grains.Loop;

/// <summary>Compares this silo's clock with the store's now and then, where it is one that can be corrected.</summary>
internal sealed partial class ClockCheck(IObjectStore store, TimeProvider time, ILogger<ClockCheck> log) : BackgroundService
{
    // A machine's clock drifts by milliseconds in that time; what moves it by more (a suspended machine) is rare.
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    /// <summary>Once before anything is taken: times written by a wrong clock could not be recognized later.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await MeasureAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (time is StoreClock && !stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await MeasureAsync(stoppingToken);
        }
    }

    private async Task MeasureAsync(CancellationToken stop)
    {
        if (time is not StoreClock clock || stop.IsCancellationRequested)
        {
            return;
        }

        try
        {
            var correction = await clock.MeasureAsync(store, stop);
            if (correction != TimeSpan.Zero)
            {
                LogCorrected(log, correction.TotalSeconds);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
        catch (IOException e)
        {
            LogFailed(log, e.Message);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "This machine's clock differs from the store's: the silo's own was set by {Seconds:F1} s."
    )]
    private static partial void LogCorrected(ILogger logger, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store could not be asked for its time, which is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
