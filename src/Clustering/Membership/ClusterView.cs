using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>Who serves a store, as the membership document says: for clients that have no connection yet, and for silos before they join.</summary>
public sealed class ClusterView(IObjectStore store, TimeProvider time)
{
    /// <summary>Without a heartbeat for so long a silo of another machine is taken for dead: three times the heartbeat's interval, and some.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(20);

    private readonly MembershipFile file = new(store);

    /// <summary>Silos that are joining or active, and have given a sign of life lately (or, on this machine, whose process runs).</summary>
    public async Task<IReadOnlyList<LiveSilo>> ReadAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        return
        [
            .. document.Rows.Where(row => IsAlive(row, time.GetUtcNow())).Select(row =>
                new LiveSilo(row.Silo, row.SiloName, row.SiloStatus() == SiloStatus.Active, row.Process is { IsOfThisMachine: true } process ? process.ProcessId : null)),
        ];
    }

    /// <summary>
    /// Marks silos dead that cannot be alive, before a silo joins: Orleans would first try to reach each of them, and take up to 106 s.
    /// A dead silo marked so that lives after all (a frozen machine) finds itself dead in the table, and stops.
    /// </summary>
    /// <returns>Names of the silos buried.</returns>
    public async Task<IReadOnlyList<string>> BuryDeadAsync(CancellationToken cancellationToken = default)
    {
        IReadOnlyList<MembershipRow> dead = [];
        await file.ChangeAsync(
            document =>
            {
                var now = time.GetUtcNow();
                dead = [.. document.Rows.Where(row => row.SiloStatus() != SiloStatus.Dead && !IsAlive(row, now))];
                return dead.Count == 0
                    ? null
                    : document with
                    {
                        Version = document.Version + 1,
                        Rows = [.. document.Rows.Select(row => dead.Contains(row) ? row with { Status = nameof(SiloStatus.Dead), ETag = row.ETag + 1 } : row)],
                    };
            },
            cancellationToken).ConfigureAwait(false);
        return [.. dead.Select(row => row.SiloName)];
    }

    private static bool IsAlive(MembershipRow row, DateTimeOffset now)
    {
        if (row.SiloStatus() is SiloStatus.Dead or SiloStatus.None)
        {
            return false;
        }

        // A process of this machine can be looked up, which neither a slow store nor a wrong clock can spoil.
        if (row.Process is { IsOfThisMachine: true } process)
        {
            return process.IsRunning;
        }

        var sign = row.IAmAliveTime > row.StartTime ? row.IAmAliveTime : row.StartTime;
        return now.UtcDateTime - sign < StaleAfter;
    }
}

/// <param name="Silo">As <c>SiloAddress.ToParsableString</c> writes it; what a stage's owner is called.</param>
/// <param name="Active">Takes calls; otherwise it is joining or leaving.</param>
/// <param name="ProcessId">Where it runs on this machine; else null.</param>
public sealed record LiveSilo(string Silo, string Name, bool Active, int? ProcessId);
