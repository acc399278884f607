using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tables;

/// <summary>
/// A table's rows with what the store's document has beside them. A silo that promised heartbeats while it works writes them to the
/// document and is judged by them, since its work needs the store; every other silo is judged by the heartbeats that Orleans writes to the
/// table. Deaths are written to the table, which alone decides.
/// </summary>
/// <param name="promised">The heartbeats in the document.</param>
internal sealed class TableRows(WatchedTable table, MembershipFile document, IHeartbeats promised, SideDocument notes)
    : ISiloRows,
        IHeartbeats
{
    public MembershipDocument? LastRead => table.LastRead is { } read ? Joined(read, document.LastRead) : null;

    public async Task<MembershipDocument> ReadAsync(CancellationToken cancellationToken)
    {
        var rows = table.ReadAsync().WaitAsync(cancellationToken);
        var noted = document.ReadAsync(cancellationToken);
        await Task.WhenAll(rows, noted);
        return Joined(await rows, await noted);
    }

    // Both: a silo's heartbeats stand in one or the other.
    public Task ProveWritableAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(table.ProveWritableAsync(cancellationToken), document.ProveWritableAsync(cancellationToken));

    public async Task<IReadOnlyList<MembershipRow>> DeclareDeadAsync(
        IReadOnlyList<MembershipRow> judged,
        CancellationToken cancellationToken
    )
    {
        var declared = new List<MembershipRow>();
        foreach (var then in judged)
        {
            // Read for each: a row goes with the table's next version.
            var rows = await ReadAsync(cancellationToken);
            var version = new TableVersion(rows.Version, rows.WriteId);
            if (
                rows.Find(then.Address) is { } now
                && now.Status != SiloStatus.Dead
                && (now.IAmAliveTime, now.HeartbeatSeconds) == (then.IAmAliveTime, then.HeartbeatSeconds)
                // A heartbeat into the table after this reading gives the row another etag.
                && await table.UpdateRowAsync((now with { Status = SiloStatus.Dead }).Entry(), now.ETag, version.Next())
            )
            {
                declared.Add(now with { Status = SiloStatus.Dead });
            }
        }

        if (declared.Count > 0)
        {
            notes.NoteDead(declared.Select(row => row.Silo).ToHashSet(StringComparer.Ordinal));
        }

        return declared;
    }

    public TimeSpan StillFor(MembershipRow row) => HeartbeatsOf(row).StillFor(row);

    public TimeSpan Patience(MembershipRow row) => HeartbeatsOf(row).Patience(row);

    public TimeSpan PatienceWithRefused(MembershipRow row) => HeartbeatsOf(row).PatienceWithRefused(row);

    public bool IsOverdue(MembershipRow row) => HeartbeatsOf(row).IsOverdue(row);

    private static MembershipDocument Joined(MembershipDocument table, MembershipDocument? noted)
    {
        var notes = (noted?.Rows ?? []).ToDictionary(row => row.Silo, StringComparer.Ordinal);
        return table with { Rows = [.. table.Rows.Select(row => notes.TryGetValue(row.Silo, out var note) ? Joined(row, note) : row)] };
    }

    private static MembershipRow Joined(MembershipRow row, MembershipRow note) =>
        MembershipRows.From(row.Entry(), row.ETag, note) with
        {
            IAmAliveTime = note.HeartbeatSeconds is null ? row.IAmAliveTime : note.IAmAliveTime,
        };

    private IHeartbeats HeartbeatsOf(MembershipRow row) => row.HeartbeatSeconds is null ? table.Heartbeats : promised;
}
