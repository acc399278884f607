namespace Slowrun.Clustering.Membership;

/// <summary>Translates between Orleans' entries and the document's rows.</summary>
internal static class MembershipRows
{
    public static MembershipRow From(MembershipEntry entry, int etag, ProcessIdentity? process) => new()
    {
        ETag = etag,
        Silo = entry.SiloAddress.ToParsableString(),
        SiloName = entry.SiloName ?? "",
        Status = entry.Status.ToString(),
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName ?? "",
        RoleName = entry.RoleName ?? "",
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = Utc(entry.StartTime),
        IAmAliveTime = Utc(entry.IAmAliveTime),
        SuspectTimes = [.. (entry.SuspectTimes ?? []).Select(vote => new SuspectVote(vote.Item1.ToParsableString(), Utc(vote.Item2)))],
        Process = process,
    };

    public static MembershipEntry Entry(this MembershipRow row) => new()
    {
        SiloAddress = SiloAddress.FromParsableString(row.Silo),
        SiloName = row.SiloName,
        Status = row.SiloStatus(),
        ProxyPort = row.ProxyPort,
        HostName = row.HostName,
        RoleName = row.RoleName,
        UpdateZone = row.UpdateZone,
        FaultZone = row.FaultZone,
        StartTime = row.StartTime,
        IAmAliveTime = row.IAmAliveTime,
        SuspectTimes = [.. row.SuspectTimes.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.Silo), vote.At))],
    };

    public static SiloStatus SiloStatus(this MembershipRow row) => Enum.TryParse<SiloStatus>(row.Status, out var status)
        ? status
        : throw new InvalidDataException($"The row of silo '{row.Silo}' has status '{row.Status}', which no silo can have.");

    private static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);
}
