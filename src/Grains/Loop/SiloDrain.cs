using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Loop;

/// <summary>How a silo leaves: it takes nothing new, commits, releases, and only then leaves the cluster.</summary>
internal sealed partial class SiloDrain(
    LocalWork local,
    IObjectStore store,
    ILocalSiloDetails silo,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<SiloDrain> log
) : IDisposable
{
    /// <summary>The event's kind where a silo leaves because it had nothing to do.</summary>
    public const string Idle = EventKind.SiloIdle;

    private readonly CancellationTokenSource leaves = new();

    /// <summary>Cancelled as soon as this silo is told to leave in its own time, or its machine should be gone.</summary>
    public CancellationToken Leaving => leaves.Token;

    /// <summary>The kind of the last order to leave; null: there was none.</summary>
    public string? Ordered { get; private set; }

    /// <summary>Returns when all work here has committed and released what it could; the host stops behind. May be called again, with a
    /// nearer deadline.</summary>
    /// <param name="kind">Of the event in every run that is at work here.</param>
    /// <param name="why">A sentence for people.</param>
    /// <param name="deadline">When the machine ends; null: no deadline.</param>
    public async Task LeaveAsync(StopReason reason, string kind, string why, DateTimeOffset? deadline)
    {
        using var leaving = Spans.Leaving(silo.Name, kind);
        LogLeaving(log, why);
        Ordered = kind;
        if (deadline is not { } end)
        {
            await leaves.CancelAsync();
        }
        else
        {
            // A machine that is not taken away after all is not to hang for good.
            var left = end - time.GetUtcNow();
            leaves.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }

        var runs = local.Names.Select(WorkName.RunOf).ToHashSet(StringComparer.Ordinal);
        // Beside the last commits, not before them: every second counts.
        await Task.WhenAll([local.StopAsync(reason, deadline, CancellationToken.None), .. runs.Select(run => TellAsync(run, kind, why))]);
        lifetime.StopApplication();
    }

    public void Dispose() => leaves.Dispose();

    private async Task TellAsync(string run, string kind, string why)
    {
        try
        {
            await new RunEvents(store, run).AppendAsync(
                new RunEvent(time.GetUtcNow(), kind, null, $"{silo.Name}: {why}") { Silo = silo.Name }
            );
        }
        catch (IOException e)
        {
            LogNotTold(log, run, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Leaving: {Why}")]
    private static partial void LogLeaving(ILogger logger, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run} could not be told: {Reason}")]
    private static partial void LogNotTold(ILogger logger, string run, string reason);
}
