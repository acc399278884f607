using System.Globalization;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>Orleans' membership table as one document of the store. False is returned on a logical mismatch only; lost races are run again.</summary>
/// <param name="self">Put into the row that this process inserts; null for tests that play several silos.</param>
public sealed class StoreMembershipTable(IObjectStore store, ProcessIdentity? self) : IMembershipTable
{
    private readonly MembershipFile file = new(store);

    public StoreMembershipTable(IObjectStore store)
        : this(store, ProcessIdentity.Current)
    {
    }

    public Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken = default) =>
        file.ReadAsync(cancellationToken);

    public async Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken = default) =>
        await store.TryDeleteAsync(MembershipFile.Name, cancellationToken: cancellationToken).ConfigureAwait(false);

    public Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken = default) =>
        file.ChangeAsync(
            document =>
            {
                var kept = document.Rows.Where(row => row.SiloStatus() != SiloStatus.Dead || LastSign(row) >= beforeDate.UtcDateTime).ToList();
                return kept.Count == document.Rows.Count ? null : document with { Rows = kept };
            },
            cancellationToken);

    public async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default) =>
        Table(await file.ReadAsync(cancellationToken).ConfigureAwait(false), _ => true);

    public async Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken = default)
    {
        var silo = key.ToParsableString();
        return Table(await file.ReadAsync(cancellationToken).ConfigureAwait(false), row => row.Silo == silo);
    }

    public Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        file.ChangeAsync(
            document => Follows(document, tableVersion) && Find(document, entry) is null
                ? document with { Version = tableVersion.Version, Rows = [.. document.Rows, MembershipRows.From(entry, 1, self)] }
                : null,
            cancellationToken);

    public Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        file.ChangeAsync(
            document => Follows(document, tableVersion) && Find(document, entry) is { } old && Text(old.ETag) == etag
                ? With(document, old, MembershipRows.From(entry, old.ETag + 1, old.Process)) with { Version = tableVersion.Version }
                : null,
            cancellationToken);

    public Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default) =>
        file.ChangeAsync(
            document => Find(document, entry) is { } old
                ? With(document, old, old with { IAmAliveTime = DateTime.SpecifyKind(entry.IAmAliveTime, DateTimeKind.Utc) })
                : null,
            cancellationToken);

    // Orleans' older signatures: abstract still, and marked obsolete.
    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) => InitializeMembershipTableAsync(tryInitTableVersion);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync();

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => UpdateRowAsync(entry, etag, tableVersion);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry);

    private static DateTime LastSign(MembershipRow row) => row.IAmAliveTime > row.StartTime ? row.IAmAliveTime : row.StartTime;

    // The caller's version is the successor of the one it read; its etag is that one's number.
    private static bool Follows(MembershipDocument document, TableVersion next) => Text(document.Version) == next.VersionEtag;

    private static MembershipRow? Find(MembershipDocument document, MembershipEntry entry)
    {
        var silo = entry.SiloAddress.ToParsableString();
        return document.Rows.FirstOrDefault(row => row.Silo == silo);
    }

    private static MembershipDocument With(MembershipDocument document, MembershipRow old, MembershipRow changed) =>
        document with { Rows = [.. document.Rows.Select(row => ReferenceEquals(row, old) ? changed : row)] };

    private static MembershipTableData Table(MembershipDocument document, Func<MembershipRow, bool> which) => new(
        [.. document.Rows.Where(which).Select(row => Tuple.Create(row.Entry(), Text(row.ETag)))],
        new TableVersion(document.Version, Text(document.Version)));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
