using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Who serves a store, as the membership document says: tells a client whether trying to connect is worthwhile. One store read. A silo that
/// runs asks Orleans instead, which knows sooner and needs no clock.
/// </summary>
public sealed class ClusterView(IObjectStore store, TimeProvider time)
{
    /// <summary>
    /// Without a heartbeat for so long a silo of another machine is taken for dead: two late heartbeats of 7.5 s, and some for a slow store.
    /// To think a dead silo alive costs a client one failed connection.
    /// </summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(20);

    private readonly MembershipFile file = new(store);

    /// <summary>Silos that are joining, active or leaving, and live: on this machine by their process, else by their heartbeat.</summary>
    public async Task<IReadOnlyList<LiveSilo>> ReadAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        var now = time.GetUtcNow();
        return
        [
            .. document.Rows.Where(row => IsAlive(row, now)).Select(row => new LiveSilo(
                row.Silo,
                row.SiloName,
                row.Status == SiloStatus.Active,
                row.Process is { IsOfThisMachine: true } process ? process.ProcessId : null,
                row.LastSign)),
        ];
    }

    private static bool IsAlive(MembershipRow row, DateTimeOffset now)
    {
        var isFresh = now.UtcDateTime - row.LastSign < StaleAfter;
        return row.Status is not (SiloStatus.Dead or SiloStatus.None)
            // A process of this machine can be looked up, which neither a slow store nor a wrong clock spoils.
            && (row.Process is { IsOfThisMachine: true } process ? !process.IsGone() && (isFresh || !process.IsHalted()) : isFresh);
    }
}
