using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>
/// What a silo whose clock is wrong reads and writes: Orleans asks the machine for the time, so its own times are made wrong on their way
/// to the table, and the others' as wrong on their way back.
/// </summary>
internal sealed class SkewedMembershipTable(StoreMembershipTable inner, TimeSpan skew) : IMembershipTable
{
    public Task InitializeMembershipTable(bool tryInitTableVersion) => inner.InitializeMembershipTableAsync(tryInitTableVersion);

    public Task DeleteMembershipTableEntries(string clusterId) => inner.DeleteMembershipTableEntriesAsync(clusterId);

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => inner.CleanupDefunctSiloEntriesAsync(beforeDate + skew);

    public async Task<MembershipTableData> ReadRow(SiloAddress key) => Shifted(await inner.ReadRowAsync(key));

    public async Task<MembershipTableData> ReadAll() => Shifted(await inner.ReadAllAsync());

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        inner.InsertRowAsync(Shifted(entry, skew), tableVersion);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        inner.UpdateRowAsync(Shifted(entry, skew), etag, tableVersion);

    public Task UpdateIAmAlive(MembershipEntry entry) => inner.UpdateIAmAliveAsync(Shifted(entry, skew));

    private MembershipTableData Shifted(MembershipTableData data) =>
        new([.. data.Members.Select(row => Tuple.Create(Shifted(row.Item1, -skew), row.Item2))], data.Version);

    private static MembershipEntry Shifted(MembershipEntry entry, TimeSpan by) =>
        new()
        {
            SiloAddress = entry.SiloAddress,
            Status = entry.Status,
            SuspectTimes = [.. (entry.SuspectTimes ?? []).Select(vote => Tuple.Create(vote.Item1, vote.Item2 + by))],
            ProxyPort = entry.ProxyPort,
            HostName = entry.HostName,
            SiloName = entry.SiloName,
            RoleName = entry.RoleName,
            UpdateZone = entry.UpdateZone,
            FaultZone = entry.FaultZone,
            StartTime = Safe(entry.StartTime, by),
            IAmAliveTime = Safe(entry.IAmAliveTime, by),
        };

    private static DateTime Safe(DateTime time, TimeSpan by) => time.Ticks > TimeSpan.TicksPerDay ? time + by : time;
}
