using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tables;

/// <summary>
/// Orleans' own membership table, and in the store's document beside it what the table has no room for. Orleans may write that another silo
/// is dead, or suspected, only where the verdict allows it.
/// </summary>
/// <param name="stopped">Ends heartbeats that still wait for the table.</param>
internal sealed class TableWithSideDocument(
    WatchedTable table,
    ISiloRows rows,
    SideDocument notes,
    DeathVerdict verdict,
    SiloAddress own,
    CancellationToken stopped
) : IMembershipTable
{
    private volatile IReadOnlySet<string> noted = new HashSet<string>();

    public Task InitializeMembershipTable(bool tryInitTableVersion) => table.InitializeAsync();

    public Task DeleteMembershipTableEntries(string clusterId) => table.DeleteAsync(clusterId);

    public Task<MembershipTableData> ReadRow(SiloAddress key) => table.ReadRowAsync(key);

    /// <summary>One of the silos that read the table also writes deaths that the document lacks: the silo that declared them may have ended
    /// before it could.</summary>
    public async Task<MembershipTableData> ReadAll()
    {
        var data = await table.ReadAllAsync();
        var active = Silos(data, SiloStatus.Active);
        var dead = Silos(data, SiloStatus.Dead).Select(silo => silo.ToParsableString()).ToHashSet(StringComparer.Ordinal);
        if (own.Equals(active.Min()) && !dead.IsSubsetOf(noted))
        {
            notes.NoteDead(dead);
        }

        if (active.Count <= ClusterTuning.SmallFleet)
        {
            notes.ReadSoon();
        }

        noted = dead;
        return data;
    }

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => table.InsertRowAsync(entry, tableVersion);

    public async Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion)
    {
        verdict.Note(entry);
        // Of other silos' rows Orleans writes deaths and votes alone.
        if (!entry.SiloAddress.Equals(own) && !await IsAllowedAsync(entry, tableVersion))
        {
            return false;
        }

        var written = await table.UpdateRowAsync(entry, etag, tableVersion);
        if (written && (entry.Status == SiloStatus.Dead || (entry.Status == SiloStatus.Active && entry.SiloAddress.Equals(own))))
        {
            await notes.NoteAsync(entry);
        }

        return written;
    }

    public Task UpdateIAmAlive(MembershipEntry entry) => table.UpdateIAmAliveAsync(entry, stopped);

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate)
    {
        await table.CleanupAsync(beforeDate);
        var known = (await table.ReadAllAsync())
            .Members.Select(member => member.Item1.SiloAddress.ToParsableString())
            .ToHashSet(StringComparer.Ordinal);
        await notes.KeepAsync(known, beforeDate);
    }

    private static List<SiloAddress> Silos(MembershipTableData data, SiloStatus status) =>
        [.. data.Members.Where(member => member.Item1.Status == status).Select(member => member.Item1.SiloAddress)];

    /// <summary>Judges by the version of the table that Orleans has read: its write takes effect on no other. Where the document cannot be
    /// read, witnesses alone count.</summary>
    private async Task<bool> IsAllowedAsync(MembershipEntry entry, TableVersion next)
    {
        if (table.LastRead?.WriteId != next.VersionEtag)
        {
            await table.ReadAsync();
        }

        return rows.LastRead is { } read && read.Find(entry.SiloAddress) is { } old && verdict.Allows(read, old, entry);
    }
}
