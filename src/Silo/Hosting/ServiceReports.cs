using System.Net.Sockets;
using Slowrun.Grains.Loop;
using Slowrun.Silo.Http;

namespace Slowrun.Silo.Hosting;

/// <summary>Reports to the service manager when the silo serves, that it is healthy, and when it stops.</summary>
internal sealed partial class ServiceReports(
    ServiceManager manager,
    SiloHealth health,
    SiloDrain drain,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<ServiceReports> log
) : BackgroundService
{
    // A clean end has several causes; only this one means that the machine is not needed.
    private const string IdleNote = "idle";

    private static readonly TimeSpan UntilReady = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Unwatched = TimeSpan.FromSeconds(30);

    // Two reports may be lost or late.
    private const int ReportsPerLimit = 3;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stopping = lifetime.ApplicationStopping.Register(Stopping);
        var (ready, troubled) = (false, false);
        while (!stoppingToken.IsCancellationRequested)
        {
            var trouble = health.Trouble;
            if (trouble is null)
            {
                Tell(ready ? "WATCHDOG=1" : "READY=1\nSTATUS=Serving.");
                ready = true;
            }

            if (ready && troubled != (trouble is not null))
            {
                troubled = trouble is not null;
                Tell($"STATUS={trouble ?? "Serving."}");
                LogChanged(log, trouble ?? "It is healthy again.");
            }

            var pause = ready ? (manager.Watchdog ?? (Unwatched * ReportsPerLimit)) / ReportsPerLimit : UntilReady;
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Stopping()
    {
        Tell("STOPPING=1");
        try
        {
            if (drain.Ordered == SiloDrain.Idle)
            {
                manager.LeaveNote(IdleNote);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNoNote(log, IdleNote, e.Message);
        }
    }

    private void Tell(string state)
    {
        try
        {
            manager.Tell(state);
        }
        catch (SocketException e)
        {
            // It misses the reports and acts.
            LogNotTold(log, state.Split('\n')[0], e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The service manager is told of this silo: {State}")]
    private static partial void LogChanged(ILogger logger, string state);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The note '{Note}' could not be left, so the machine goes on: {Reason}")]
    private static partial void LogNoNote(ILogger logger, string note, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The service manager could not be told {State}: {Reason}")]
    private static partial void LogNotTold(ILogger logger, string state, string reason);
}
