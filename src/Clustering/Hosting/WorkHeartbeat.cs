using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Additional heartbeats of a small fleet that has work under way. Each row promises them, so that a silo's death is proven in seconds even
/// where no other silo is left for a second vote. Silos without work send them too: a joining silo must be sure of them as well, and they
/// watch the others as closely. A fleet at rest sends none, nor does a larger one, which has enough witnesses.
/// </summary>
/// <param name="workload">Null: this silo never has work.</param>
internal sealed partial class WorkHeartbeat(
    MembershipFile file,
    SiloAddress own,
    TimeProvider time,
    ILogger<WorkHeartbeat> log,
    IWorkload? workload = null
) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Two store operations: 60 a minute and silo while it trains.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    // Asked of memory.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(0.25);

    // An owner promises within half a second of its take. Of one that promises nothing, since its build is older, nothing is to be learned.
    private const int MostLessons = 5;
    private static readonly TimeSpan BetweenLessons = TimeSpan.FromSeconds(0.5);

    private int lessons;
    private long learnedAt;
    private bool hasPromised;
    private bool failed;

    public void Participate(ISiloLifecycle lifecycle)
    {
        if (workload is not null)
        {
            lifecycle.SubscribeLoop(nameof(WorkHeartbeat), ServiceLifecycleStage.Active, RepeatAsync);
        }
    }

    /// <summary>One heartbeat, if one is due.</summary>
    internal async Task BeatAsync(CancellationToken cancellationToken)
    {
        // A promise whose answer was lost stands in the row, and is kept or withdrawn like any other.
        var stands = hasPromised || file.LastRead?.Find(own)?.HeartbeatSeconds is not null;
        if (!stands && !workload!.IsUnderWay && !(file.LastRead is { } last && OthersWork(last)))
        {
            return;
        }

        var promises = false;
        await file.ChangeAsync(
            document =>
            {
                var works = workload!.IsUnderWay;
                promises =
                    (works || OthersWork(document))
                    && document.Rows.Count(row => row.Status == SiloStatus.Active) <= ClusterTuning.SmallFleet;
                return document.Find(own) is { } row && (promises || row.HeartbeatSeconds is not null)
                    ? document.With(
                        row,
                        row with
                        {
                            IAmAliveTime = Max(time.GetUtcNow().UtcDateTime, row.IAmAliveTime),
                            HeartbeatSeconds = promises ? Period.TotalSeconds : null,
                            Works = works && promises,
                        }
                    )
                    : document;
            },
            cancellationToken
        );
        hasPromised = promises;
    }

    private bool OthersWork(MembershipDocument document) =>
        document.Rows.Any(row => row.Works && row.Status == SiloStatus.Active && !row.Address.Equals(own));

    // Orleans' own heartbeats go by the machine's clock, which may be ahead of the store's: a sign that goes back would look like one that
    // stands still.
    private static DateTime Max(DateTime now, DateTime before) => now > before ? now : before.AddMilliseconds(1);

    /// <summary>
    /// Reads who works, where this silo has heard of work elsewhere and the table as it was read last says nothing of it: Orleans reads it
    /// every five seconds, and a death is proven by what was watched.
    /// </summary>
    internal async Task LearnAsync(CancellationToken cancellationToken)
    {
        if (!workload!.IsUnderWayElsewhere)
        {
            lessons = 0;
        }
        else if (
            lessons < MostLessons
            && !hasPromised
            && !MayPromise()
            && (lessons == 0 || time.GetElapsedTime(learnedAt) >= BetweenLessons)
            && !(file.LastRead?.Rows.Count(row => row.Status == SiloStatus.Active) > ClusterTuning.SmallFleet)
        )
        {
            lessons++;
            learnedAt = time.GetTimestamp();
            await file.ReadAsync(cancellationToken);
        }
    }

    private async Task RepeatAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(Look, time);
        var beaten = time.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(ending))
            {
                await TryLearnAsync(ending);
                // A silo that is lost a second after its first take has promised nothing yet; proving its death takes as long as for a silo
                // at rest.
                if (time.GetElapsedTime(beaten) < Period - (Look / 2) && (hasPromised || !MayPromise()))
                {
                    continue;
                }

                beaten = time.GetTimestamp();
                while (!await TryBeatAsync(ending))
                {
                    await Task.Delay(TimeSpan.FromSeconds(0.5), time, ending);
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task TryLearnAsync(CancellationToken ending)
    {
        // A store that hangs must not keep this silo's own heartbeat.
        using var limit = new CancellationTokenSource(file.TryTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, limit.Token);
        try
        {
            await LearnAsync(either.Token);
        }
        catch (Exception) when (!ending.IsCancellationRequested)
        {
            // The next reading of the table, by this silo for whatever purpose, says the same.
        }
    }

    private bool MayPromise() =>
        file.LastRead is { } last
        && (workload!.IsUnderWay || OthersWork(last))
        && last.Rows.Count(row => row.Status == SiloStatus.Active) <= ClusterTuning.SmallFleet;

    private async Task<bool> TryBeatAsync(CancellationToken ending)
    {
        using var limit = new CancellationTokenSource(file.TryTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, limit.Token);
        try
        {
            await BeatAsync(either.Token);
            failed = false;
            return true;
        }
        catch (Exception e) when (!ending.IsCancellationRequested)
        {
            if (!failed)
            {
                LogFailed(log, e.Message);
            }

            failed = true;
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A heartbeat could not be written: {Error} It is tried again until it is.")]
    private static partial void LogFailed(ILogger logger, string error);
}
