using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Stages;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;

namespace Slowrun.Silo.Preemption;

/// <summary>
/// Asks the platform whether this machine will end, and then lets the silo leave. To be registered before Orleans: hosted services stop in
/// reverse order, so this one acknowledges when the silo has left its cluster.
/// </summary>
internal sealed partial class PreemptionWatch(
    PreemptionSources sources,
    SiloDrain drain,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<PreemptionWatch> log
) : BackgroundService
{
    // A notice of 10 s must still be seen after an outage of the service.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    // The machine has seconds left, and ends without an acknowledgement too.
    private static readonly TimeSpan AcknowledgeFor = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> told = new(StringComparer.Ordinal);
    private IPreemptionSource? source;
    private PreemptionNotice? obeyed;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (obeyed is { MayAcknowledge: true } notice && source is not null)
        {
            await AcknowledgeAsync(source, notice, cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (await OpenAsync(stoppingToken) is not { } source)
        {
            return;
        }

        LogAsks(log, source.Name);
        var pauses = new Backoff(source.Interval * 2, LongestPause);
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var notices = await source.ReadAsync(stoppingToken);
                if (failures > 0)
                {
                    LogRecovered(log, source.Name, failures);
                    failures = 0;
                }

                // A silo that is starting has nothing to save, and can only be stopped once it has started.
                Tell(notices.Where(notice => notice.IsAdvice));
                if (
                    notices.Where(notice => !notice.IsAdvice).MinBy(notice => notice.Deadline) is { } notice
                    && lifetime.ApplicationStarted.IsCancellationRequested
                )
                {
                    await ObeyAsync(source, notice);
                    return;
                }

                await Task.Delay(source.Interval, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
            catch (Exception e)
            {
                if (failures++ == 0)
                {
                    LogFailed(log, source.Name, e.Message);
                }

                await Task.Delay(pauses.After(failures), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<IPreemptionSource?> OpenAsync(CancellationToken stoppingToken)
    {
        try
        {
            return source = await sources.OpenAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private void Tell(IEnumerable<PreemptionNotice> advice)
    {
        foreach (var notice in advice.Where(notice => told.Add(notice.Id)))
        {
            LogAdvice(log, source!.Name, notice.What);
        }
    }

    private async Task ObeyAsync(IPreemptionSource source, PreemptionNotice notice)
    {
        using var noticed = Spans.Noticed(source.Name, notice.What);
        var left = notice.Deadline - time.GetUtcNow();
        var why = string.Create(
            CultureInfo.InvariantCulture,
            $"{source.Name} announced {notice.What} (event {notice.Id}) not before {notice.Deadline.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}, {Math.Max(0, left.TotalSeconds):F1} s from now."
        );
        await drain.LeaveAsync(StopReason.Eviction, EventKind.PreemptionNotice, why, notice.Deadline);
        // Only now: a host that stops for another reason meanwhile must not acknowledge before the last commit.
        obeyed = notice;
    }

    private async Task AcknowledgeAsync(IPreemptionSource source, PreemptionNotice notice, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(AcknowledgeFor, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await source.AcknowledgeAsync(notice, both.Token);
            LogAcknowledged(log, notice.Id, source.Name);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            LogNotAcknowledged(log, notice.Id, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Source} is asked whether this machine goes away.")]
    private static partial void LogAsks(ILogger logger, string source);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Source} announced {What}: the machine need not end, so this silo stays and trains on."
    )]
    private static partial void LogAdvice(ILogger logger, string source, string what);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Source} did not answer, so a preemption would come without a notice; it is asked again: {Reason}"
    )]
    private static partial void LogFailed(ILogger logger, string source, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Source} answers again, after {Failures} failures.")]
    private static partial void LogRecovered(ILogger logger, string source, int failures);

    [LoggerMessage(Level = LogLevel.Information, Message = "Event {Event} was acknowledged to {Source}.")]
    private static partial void LogAcknowledged(ILogger logger, string @event, string source);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Event {Event} could not be acknowledged; the machine ends anyway: {Reason}")]
    private static partial void LogNotAcknowledged(ILogger logger, string @event, string reason);
}
