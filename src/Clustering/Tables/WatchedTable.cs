using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tables;

/// <summary>Orleans' own membership table. Its answers show which heartbeats moved, and that a living silo could have written.</summary>
/// <param name="probe">Writes an entity beside the rows, in the same table, whose content is not used.</param>
internal sealed class WatchedTable(IMembershipTable table, Func<CancellationToken, Task> probe, TimeProvider time)
{
    private static readonly TimeSpan HeartbeatPause = TimeSpan.FromSeconds(1);

    private readonly HeartbeatWatch watch = new(time);
    private readonly Lock gate = new();
    private Task? initialized;

    public IHeartbeats Heartbeats => watch;

    /// <summary>As last read by any caller; null: not read yet.</summary>
    public MembershipDocument? LastRead { get; private set; }

    /// <summary>Once, for the first caller: dead silos are looked for before Orleans asks. Again where it failed.</summary>
    public Task InitializeAsync()
    {
        lock (gate)
        {
            if (initialized is not { IsFaulted: false, IsCanceled: false })
            {
                initialized = table.InitializeMembershipTableAsync(tryInitTableVersion: true);
            }

            return initialized;
        }
    }

    public Task DeleteAsync(string clusterId) => table.DeleteMembershipTableEntriesAsync(clusterId);

    /// <summary>For Orleans.</summary>
    public async Task<MembershipTableData> ReadAllAsync() => (await ReadBothAsync()).Data;

    /// <summary>The rows alone, with the table's version.</summary>
    public async Task<MembershipDocument> ReadAsync() => (await ReadBothAsync()).Rows;

    public Task<MembershipTableData> ReadRowAsync(SiloAddress key) => table.ReadRowAsync(key);

    public Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion version) =>
        WrittenAsync(() => table.InsertRowAsync(entry, version));

    public Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion version) =>
        WrittenAsync(() => table.UpdateRowAsync(entry, etag, version));

    public Task CleanupAsync(DateTimeOffset beforeDate) => table.CleanupDefunctSiloEntriesAsync(beforeDate);

    public async Task ProveWritableAsync(CancellationToken cancellationToken)
    {
        await InitializeAsync();
        await WatchedAsync(() => probe(cancellationToken), watch.Wrote);
    }

    /// <summary>
    /// Repeated every second while the table does not answer, since Orleans waits up to a minute. A try that hangs is given up before other
    /// silos give this one up.
    /// </summary>
    /// <param name="stopped">Ends what still waits for the table.</param>
    public async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken stopped)
    {
        var began = time.GetTimestamp();
        for (var isFirst = true; ; isFirst = false)
        {
            var beat = new MembershipEntry
            {
                SiloAddress = entry.SiloAddress,
                IAmAliveTime = entry.IAmAliveTime + (isFirst ? TimeSpan.Zero : time.GetElapsedTime(began)),
            };
            try
            {
                await WatchedAsync(() => table.UpdateIAmAliveAsync(beat).WaitAsync(watch.TryTime, time, stopped), watch.Wrote);
                ClusterMeter.Heartbeat.Record(time.GetElapsedTime(began).TotalSeconds);
                return;
            }
            catch (Exception e) when (!stopped.IsCancellationRequested && e is IOException or TimeoutException)
            {
                await Task.Delay(HeartbeatPause, time, stopped);
            }
        }
    }

    private async Task<(MembershipTableData Data, MembershipDocument Rows)> ReadBothAsync()
    {
        await InitializeAsync();
        MembershipTableData data = null!;
        MembershipDocument rows = null!;
        await WatchedAsync(
            async () =>
            {
                data = await table.ReadAllAsync();
                // A copy: a caller may change the entries that it has read before it writes them back.
                rows = new MembershipDocument
                {
                    Version = data.Version.Version,
                    WriteId = data.Version.VersionEtag,
                    Rows = [.. data.Members.Select(member => MembershipRows.From(member.Item1, member.Item2, null, []))],
                };
            },
            began => watch.Read(began, rows)
        );
        LastRead = rows;
        return (data, rows);
    }

    private async Task<bool> WrittenAsync(Func<Task<bool>> write)
    {
        var written = false;
        await WatchedAsync(async () => written = await write(), watch.Wrote);
        return written;
    }

    private async Task WatchedAsync(Func<Task> operation, Action<long> done)
    {
        var began = watch.Now;
        try
        {
            await operation();
        }
        catch
        {
            watch.Failed();
            throw;
        }

        done(began);
    }
}
