using System.Net;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>Membership entries as Orleans makes them.</summary>
internal static class Entries
{
    /// <summary>Whole seconds, so that it survives any store's precision.</summary>
    public static readonly DateTime Now = new(2026, 11, 23, 12, 0, 0, DateTimeKind.Utc);

    private static int generation;

    public static MembershipEntry New(SiloStatus status = SiloStatus.Active, int gateway = 30000, string name = "silo") =>
        new()
        {
            SiloAddress = Silo(),
            HostName = "host",
            SiloName = name,
            Status = status,
            ProxyPort = gateway,
            StartTime = Now,
            IAmAliveTime = Now,
            SuspectTimes = [],
        };

    public static SiloAddress Silo() => SiloAddress.New(IPAddress.Loopback, 11111, Interlocked.Increment(ref generation));

    /// <summary>Inserts with whatever version the table has now.</summary>
    public static async Task<MembershipEntry> AddAsync(this StoreMembershipTable table, MembershipEntry entry)
    {
        var version = (await table.ReadAllAsync()).Version;
        Assert.True(await table.InsertRowAsync(entry, version.Next()));
        return entry;
    }

    public static async Task<SiloStatus?> StatusAsync(this StoreMembershipTable table, MembershipEntry entry) =>
        (await table.ReadAllAsync()).TryGet(entry.SiloAddress)?.Item1.Status;
}
