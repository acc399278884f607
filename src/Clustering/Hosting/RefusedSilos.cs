using System.Net;
using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Votes against a member whose process has ended, in a quarter of a second: its connection has ended, its port refuses new ones again and
/// again, and it gives no heartbeat meanwhile. Orleans needs two to three seconds for the same vote, since it waits a second between its
/// probes. As many members must agree as ever (<see cref="DeathVerdict.AreEnough"/>), for a firewall refuses too; where too few are left,
/// <see cref="Burial"/> goes by the heartbeat. Small fleets only: in a large one each loss would have everybody ask everybody.
/// </summary>
/// <param name="ask">Tries a port, for a moment.</param>
internal sealed partial class RefusedSilos(
    MembershipFile file,
    SiloAddress own,
    DeathVerdict verdict,
    Suspicions suspicions,
    IClusterMembershipService membership,
    ConnectionEnds ends,
    TimeProvider time,
    Func<IPEndPoint, CancellationToken, Task<PortAnswer>> ask,
    ILogger<RefusedSilos> log
) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>A refusal takes a packet there and back.</summary>
    public static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(0.25);

    /// <summary>In a row, so that a port that is opened again meanwhile is no sign of death.</summary>
    public const int Refusals = 3;

    // One answer may be late on a busy machine.
    private const int MostSilences = 2;

    // From the first refusal on, what it reads of the others' votes included.
    private const int MostRounds = 15;

    // Connections end for other reasons too; and what stands before a port may need a moment to learn of its process's end: 2 s of ever
    // rarer rounds.
    private const int RoundsWithoutRefusal = 8;

    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(0.1);

    // Of members alone: who joins is no witness, and who leaves has closed the connections itself.
    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.SubscribeLoop(nameof(RefusedSilos), ServiceLifecycleStage.Active, RepeatAsync);

    /// <summary>Looks who refuses connections, and votes against them.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        if (file.LastRead is not { } known || known.Rows.Count(row => row.Status == SiloStatus.Active) > ClusterTuning.SmallFleet)
        {
            return;
        }

        MembershipDocument? before = null;
        var refused = new Dictionary<string, int>(StringComparer.Ordinal);
        var silences = new Dictionary<string, int>(StringComparer.Ordinal);
        HashSet<string> against = [];
        for (var round = 1; round <= MostRounds; round++)
        {
            var others = Others(before ?? known)
                .Where(row => silences.GetValueOrDefault(row.Silo) < MostSilences && !against.Contains(row.Silo))
                .ToList();
            var answers = await Task.WhenAll(others.Select(row => ask(row.Address.Endpoint, cancellationToken)));
            foreach (var (row, answer) in others.Zip(answers))
            {
                refused[row.Silo] = answer == PortAnswer.Refuses ? refused.GetValueOrDefault(row.Silo) + 1 : 0;
                if (answer == PortAnswer.Silent)
                {
                    // Not refused, and asking takes long: the heartbeat's and Orleans' business.
                    silences[row.Silo] = silences.GetValueOrDefault(row.Silo) + 1;
                }
            }

            var refusing = others.Where(row => refused[row.Silo] > 0).ToList();
            if (refusing.Count == 0 && against.Count == 0 && round >= RoundsWithoutRefusal)
            {
                return;
            }

            if (refusing.Count > 0 && before is null)
            {
                // Who gives a heartbeat after this lives, whoever refuses in its place.
                before = await file.ReadAsync(cancellationToken);
            }
            else if (refusing.Where(row => refused[row.Silo] >= Refusals).ToList() is { Count: > 0 } gone)
            {
                await VoteAsync(gone, cancellationToken);
                against.UnionWith(gone.Select(row => row.Silo));
            }
            else if (against.Count > 0)
            {
                // Another one's vote may have been the last that was missing.
                await file.ReadAsync(cancellationToken);
            }

            await RefreshAsync(cancellationToken);
            if (
                against.Count > 0
                && refusing.All(row => against.Contains(row.Silo))
                && !Others(file.LastRead!).Any(row => against.Contains(row.Silo))
            )
            {
                return;
            }

            await Task.Delay(refusing.Count == 0 && against.Count == 0 ? Apart * Math.Max(1, round - 2) : Apart, time, cancellationToken);
        }
    }

    /// <summary>One vote of this silo against each, and their death where that is enough.</summary>
    /// <param name="refused">As they were before they refused.</param>
    private async Task VoteAsync(IReadOnlyList<MembershipRow> refused, CancellationToken cancellationToken)
    {
        var writeId = Guid.NewGuid().ToString("N");
        IReadOnlyList<MembershipRow> changed = [];
        await file.ChangeAsync(
            document =>
            {
                changed = [.. document.Rows.Where(row => row.ETag == writeId)];
                if (changed.Count > 0 || document.Find(own)?.Status != SiloStatus.Active)
                {
                    return document;
                }

                var rows = document
                    .Rows.Select(row =>
                        row.Status == SiloStatus.Active && refused.Any(one => one.Silo == row.Silo && one.IAmAliveTime == row.IAmAliveTime)
                            ? Voted(document, row, writeId)
                            : row
                    )
                    .ToList();
                changed = [.. rows.Where(row => row.ETag == writeId)];
                return changed.Count == 0 ? document : document with { Version = document.Version + 1, WriteId = writeId, Rows = rows };
            },
            cancellationToken
        );
        foreach (var row in changed)
        {
            if (row.Status == SiloStatus.Dead)
            {
                suspicions.Drop(row.Silo);
                LogDead(log, row.SiloName, row.Silo, row.SuspectTimes.Count);
            }
            else
            {
                suspicions.Raise(row.Silo);
                LogVoted(log, row.SiloName, row.Silo);
            }
        }

        await file.ReadAsync(cancellationToken);
    }

    private MembershipRow Voted(MembershipDocument document, MembershipRow row, string writeId)
    {
        var me = own.ToParsableString();
        IReadOnlyList<SuspectVote> votes =
        [
            .. row.SuspectTimes.Where(vote => vote.Silo != me),
            new SuspectVote(me, time.GetUtcNow().UtcDateTime),
        ];
        return row with
        {
            ETag = writeId,
            SuspectTimes = votes,
            Status = verdict.AreEnough(document, [.. votes.Select(vote => (vote.Silo, vote.At))]) ? SiloStatus.Dead : row.Status,
        };
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (file.LastRead?.Version > membership.CurrentSnapshot.Version.Value)
        {
            await membership.Refresh(cancellationToken: cancellationToken);
        }
    }

    private async Task RepeatAsync(CancellationToken ending)
    {
        try
        {
            var next = ends.Next;
            while (true)
            {
                await next.WaitAsync(ending);
                next = ends.Next;
                try
                {
                    await LookAsync(ending);
                }
                catch (Exception e) when (!ending.IsCancellationRequested)
                {
                    // Orleans' own probes vote a little later.
                    LogFailed(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>Members that another machine has, or that may have: a process of this one is looked up.</summary>
    private IEnumerable<MembershipRow> Others(MembershipDocument document) =>
        document.Rows.Where(row =>
            row.Status == SiloStatus.Active && row.Process is not { IsOfThisMachine: true } && !row.Address.Endpoint.Equals(own.Endpoint)
        );

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Silo {Name} ({Silo}) is marked dead: its connections have ended, it refuses new ones, and {Witnesses} silos say so."
    )]
    private static partial void LogDead(ILogger logger, string name, string silo, int witnesses);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Silo {Name} ({Silo}) has ended its connections and refuses new ones: this silo has voted against it."
    )]
    private static partial void LogVoted(ILogger logger, string name, string silo);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Who refuses connections could not be found out: {Error} Probes will tell.")]
    private static partial void LogFailed(ILogger logger, string error);
}
