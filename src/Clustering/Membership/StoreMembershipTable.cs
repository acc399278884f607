using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Orleans' membership table as one document of the store. Changes of the table that lose a race for the document are run again; false is
/// returned only where Orleans' own version or row etag is not the table's. A read is one store operation, any change two.
/// </summary>
/// <remarks>Heartbeats that fail are tried again every second until they are written: Orleans waits up to a minute.</remarks>
public sealed class StoreMembershipTable : IMembershipTable
{
    private static readonly TimeSpan ClockError = TimeSpan.FromDays(1);
    private static readonly TimeSpan HeartbeatPause = TimeSpan.FromSeconds(1);

    private readonly IObjectStore store;
    private readonly MembershipFile file;
    private readonly ProcessIdentity? self;
    private readonly IReadOnlyList<string> slots;
    private readonly IReadOnlyList<long>? slotBytes;
    private readonly TimeProvider time;
    private readonly DeathVerdict? verdict;
    private readonly CancellationToken stopped;

    public StoreMembershipTable(IObjectStore store)
        : this(store, ProcessIdentity.Current) { }

    /// <param name="self">The process written into inserted rows, since a silo inserts only its own; null where a test inserts other
    /// silos.</param>
    /// <param name="slots">Likewise; null: none.</param>
    /// <param name="slotBytes">The slots' memory, one for each; null: not known.</param>
    /// <param name="time">Of its waits; null: this machine's.</param>
    public StoreMembershipTable(
        IObjectStore store,
        ProcessIdentity? self,
        IReadOnlyList<string>? slots = null,
        IReadOnlyList<long>? slotBytes = null,
        TimeProvider? time = null
    )
        : this(store, new MembershipFile(store, time: time), time ?? TimeProvider.System, self, slots, slotBytes) { }

    /// <param name="verdict">Which silos may be declared dead; null: Orleans alone decides.</param>
    /// <param name="stopped">Ends heartbeats that still wait for the store.</param>
    internal StoreMembershipTable(
        IObjectStore store,
        MembershipFile file,
        TimeProvider time,
        ProcessIdentity? self,
        IReadOnlyList<string>? slots = null,
        IReadOnlyList<long>? slotBytes = null,
        DeathVerdict? verdict = null,
        CancellationToken stopped = default
    ) =>
        (this.store, this.file, this.time, this.self, this.slots, this.slotBytes, this.verdict, this.stopped) = (
            store,
            file,
            time,
            self,
            slots ?? [],
            slotBytes,
            verdict,
            stopped
        );

    // Nothing to create, since a missing document is an empty table; a store that cannot be read is reported now.
    public Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken = default) =>
        file.ReadAsync(cancellationToken);

    /// <param name="clusterId">Not used: a store has one cluster.</param>
    public Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken = default) =>
        store.TryDeleteAsync(MembershipFile.Name, cancellationToken: cancellationToken);

    /// <summary>
    /// Removes rows of the dead that show no sign of life or death since <paramref name="beforeDate"/>, and a day later those of silos that
    /// are joining or leaving: their clocks, or this one, may be wrong by an hour, and a living silo whose row is missing considers itself
    /// dead.
    /// </summary>
    public Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken = default) =>
        file.ChangeAsync(
            document =>
            {
                // The vote that declared a silo dead counts: others must be able to read of a death before it is forgotten.
                bool IsRecent(MembershipRow row) =>
                    row.SuspectTimes.Select(vote => vote.At).Append(row.LastSign).Max()
                    >= (row.Status == SiloStatus.Dead ? beforeDate : beforeDate - ClockError).UtcDateTime;
                var kept = document.Rows.Where(row => row.Status == SiloStatus.Active || IsRecent(row)).ToList();
                return kept.Count == document.Rows.Count ? document : document with { Rows = kept };
            },
            cancellationToken
        );

    public async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        return Table(document, document.Rows);
    }

    public async Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        return Table(document, document.Find(key) is { } row ? [row] : []);
    }

    public Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        ChangeAsync(
            entry,
            tableVersion,
            (document, old, writeId) =>
                old is null
                    ? document with
                    {
                        Rows = [.. document.Rows, MembershipRows.From(entry, writeId, self, slots) with { SlotBytes = slotBytes }],
                    }
                    : null,
            cancellationToken
        );

    public Task<bool> UpdateRowAsync(
        MembershipEntry entry,
        string etag,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    )
    {
        verdict?.Note(entry);
        return ChangeAsync(
            entry,
            tableVersion,
            (document, old, writeId) =>
                old?.ETag == etag && verdict?.Allows(document, old, entry) is not false
                    ? document.With(old, MembershipRows.From(entry, writeId, old))
                    : null,
            cancellationToken
        );
    }

    /// <summary>Leaves version and etags alone. Nothing where the silo has no row.</summary>
    public async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default)
    {
        var began = time.GetTimestamp();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopped);
        for (var isFirst = true; ; isFirst = false)
        {
            using var limit = new CancellationTokenSource(file.TryTime, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ending.Token, limit.Token);
            try
            {
                var at = MembershipRows.Utc(entry.IAmAliveTime) + (isFirst ? TimeSpan.Zero : time.GetElapsedTime(began));
                await file.ChangeAsync(
                        document =>
                            document.Find(entry.SiloAddress) is { } old ? document.With(old, old with { IAmAliveTime = at }) : document,
                        either.Token
                    )
                    .ConfigureAwait(false);
                ClusterMeter.Heartbeat.Record(time.GetElapsedTime(began).TotalSeconds);
                return;
            }
            catch (Exception e) when (!ending.IsCancellationRequested && e is OperationCanceledException or IOException)
            {
                await Task.Delay(HeartbeatPause, time, ending.Token).ConfigureAwait(false);
            }
        }
    }

    // Orleans' older signatures: abstract still, and marked obsolete.
    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) => InitializeMembershipTableAsync(tryInitTableVersion);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync();

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        UpdateRowAsync(entry, etag, tableVersion);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry);

    /// <summary>A logical change: of one row and of the table's version, both or neither.</summary>
    private Task<bool> ChangeAsync(
        MembershipEntry entry,
        TableVersion next,
        Func<MembershipDocument, MembershipRow?, string, MembershipDocument?> change,
        CancellationToken cancellationToken
    )
    {
        var writeId = Guid.NewGuid().ToString("N");
        return file.ChangeAsync(
            document =>
            {
                var old = document.Find(entry.SiloAddress);
                if (old?.ETag == writeId)
                {
                    // A lost race against this process's own write, whose answer was lost.
                    return document;
                }

                // A TableVersion to write carries the new number with the etag of the version that was read.
                return document.WriteId == next.VersionEtag && change(document, old, writeId) is { } changed
                    ? changed with
                    {
                        Version = next.Version,
                        WriteId = writeId,
                    }
                    : null;
            },
            cancellationToken
        );
    }

    private static MembershipTableData Table(MembershipDocument document, IEnumerable<MembershipRow> rows) =>
        new([.. rows.Select(row => Tuple.Create(row.Entry(), row.ETag))], new TableVersion(document.Version, document.WriteId));
}
