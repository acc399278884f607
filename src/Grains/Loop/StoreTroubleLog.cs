using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>Logs that the store fails or is slow: where the store cannot be written, an event would not arrive.</summary>
internal sealed partial class StoreTroubleLog(StoreTroubles troubles, TimeProvider time, ILogger<StoreTroubleLog> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var told = new Dictionary<(StoreWork Work, bool IsSlow), StoreTrouble>();
        using var timer = new PeriodicTimer(Every, time);
        while (await WaitAsync(timer, stoppingToken))
        {
            var now = troubles.Now.ToDictionary(trouble => (trouble.Work, trouble.IsSlow));
            foreach (var (kind, trouble) in now.Where(pair => told.TryAdd(pair.Key, pair.Value)))
            {
                LogTrouble(log, kind.IsSlow ? "is slow" : "fails", Word(kind.Work), trouble.ObjectName, trouble.Message);
            }

            foreach (var kind in told.Keys.Except(now.Keys).ToList())
            {
                LogPassed(log, Word(kind.Work), kind.IsSlow ? "slow" : "failing", (time.GetUtcNow() - told[kind].Since).TotalSeconds);
                told.Remove(kind);
            }
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken stop)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static string Word(StoreWork work) => work.ToString().ToLowerInvariant();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store {How} at '{Work}', last of '{Object}': {Reason}")]
    private static partial void LogTrouble(ILogger logger, string how, string work, string @object, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The store does '{Work}' again as it should; it was {How} for {Seconds:F0} s.")]
    private static partial void LogPassed(ILogger logger, string work, string how, double seconds);
}
