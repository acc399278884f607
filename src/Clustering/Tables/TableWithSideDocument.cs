using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tables;

/// <summary> Orleans' own membership table, and in the store's document beside it what the table has no room for: slots, processes and
/// ends, and the silos that serve the store, for clients without a connection. The document is written when a silo comes and when it goes,
/// never by a heartbeat; a failed write is repeated, and the cluster does not wait for it.
/// </summary>
internal sealed partial class TableWithSideDocument(
    IMembershipTable table,
    MembershipFile file,
    SiloAddress own,
    ProcessIdentity? self,
    IReadOnlyList<string> slots,
    IReadOnlyList<long>? slotBytes,
    TimeProvider time,
    ILogger<TableWithSideDocument> log,
    CancellationToken stopped
) : IMembershipTable
{
    // A leaving silo waits so long for the write of its row, but not longer, in case the store does not answer.
    private static readonly TimeSpan WaitFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile IReadOnlySet<string> noted = new HashSet<string>();

    public Task InitializeMembershipTable(bool tryInitTableVersion) => table.InitializeMembershipTableAsync(tryInitTableVersion);

    public Task DeleteMembershipTableEntries(string clusterId) => table.DeleteMembershipTableEntriesAsync(clusterId);

    public Task<MembershipTableData> ReadRow(SiloAddress key) => table.ReadRowAsync(key);

    /// <summary>One of the silos that read the table also writes deaths that the document lacks: the silo that declared them may have ended
    /// before it could.</summary>
    public async Task<MembershipTableData> ReadAll()
    {
        var data = await table.ReadAllAsync();
        var first = data.Members.Where(member => member.Item1.Status == SiloStatus.Active).Select(member => member.Item1.SiloAddress).Min();
        var dead = data
            .Members.Where(member => member.Item1.Status == SiloStatus.Dead)
            .Select(member => member.Item1.SiloAddress.ToParsableString())
            .ToHashSet(StringComparer.Ordinal);
        if (own.Equals(first) && !dead.IsSubsetOf(noted))
        {
            _ = Task.Run(() => UntilWrittenAsync(() => NoteDeadAsync(dead), "silos are dead"), CancellationToken.None);
        }

        noted = dead;
        return data;
    }

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => table.InsertRowAsync(entry, tableVersion);

    public async Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion)
    {
        var written = await table.UpdateRowAsync(entry, etag, tableVersion);
        if (written && (entry.Status == SiloStatus.Dead || (entry.Status == SiloStatus.Active && entry.SiloAddress.Equals(own))))
        {
            await NoteSoonAsync(entry);
        }

        return written;
    }

    public Task UpdateIAmAlive(MembershipEntry entry) => table.UpdateIAmAliveAsync(entry);

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate)
    {
        await table.CleanupDefunctSiloEntriesAsync(beforeDate);
        var known = (await table.ReadAllAsync())
            .Members.Select(member => member.Item1.SiloAddress.ToParsableString())
            .ToHashSet(StringComparer.Ordinal);
        await file.ChangeAsync(
            document =>
            {
                var kept = document.Rows.Where(row => known.Contains(row.Silo) || row.LastSign >= beforeDate.UtcDateTime).ToList();
                return kept.Count == document.Rows.Count ? document : document with { Rows = kept };
            },
            stopped
        );
    }

    private async Task NoteSoonAsync(MembershipEntry entry) =>
        await Task.WhenAny(
            Task.Run(() => UntilWrittenAsync(() => NoteAsync(entry), $"silo {entry.SiloName} is {entry.Status}"), CancellationToken.None),
            Task.Delay(WaitFor, time)
        );

    private async Task UntilWrittenAsync(Func<Task> note, string what)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            try
            {
                await note();
                return;
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                if (isFirst)
                {
                    LogFailed(log, what, e.Message);
                }

                if (stopped.IsCancellationRequested)
                {
                    return;
                }
            }

            await Task.Delay(Pause, time, CancellationToken.None);
        }
    }

    private Task NoteDeadAsync(HashSet<string> dead)
    {
        bool IsNew(MembershipRow row) => row.Status != SiloStatus.Dead && dead.Contains(row.Silo);
        var now = time.GetUtcNow().UtcDateTime;
        return file.ChangeAsync(
            document =>
                document.Rows.Any(IsNew)
                    ? document with
                    {
                        Rows =
                        [
                            .. document.Rows.Select(row => IsNew(row) ? row with { Status = SiloStatus.Dead, IAmAliveTime = now } : row),
                        ],
                    }
                    : document,
            CancellationToken.None
        );
    }

    private Task NoteAsync(MembershipEntry entry)
    {
        var id = Guid.NewGuid().ToString("N");
        var now = time.GetUtcNow().UtcDateTime;
        return file.ChangeAsync(
            document =>
            {
                var old = document.Find(entry.SiloAddress);
                if (old is null && !entry.SiloAddress.Equals(own))
                {
                    // It died before its row was written: no client knows of it.
                    return document;
                }

                // Notes may come out of order; a silo's life does not go back.
                return old is null
                        ? document with
                        {
                            Rows =
                            [
                                .. document.Rows,
                                MembershipRows.From(entry, id, self, slots) with
                                {
                                    SlotBytes = slotBytes,
                                    IAmAliveTime = now,
                                },
                            ],
                        }
                    : old.Status >= entry.Status ? document
                    : document.With(old, MembershipRows.From(entry, id, old) with { IAmAliveTime = now });
            },
            CancellationToken.None
        );
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "That {What} could not be noted in the store: {Error} It is tried again; until then status shows what was."
    )]
    private static partial void LogFailed(ILogger logger, string what, string error);
}
