namespace Slowrun.Clustering.Membership;

/// <summary>Translates between Orleans' entries and the document's rows.</summary>
internal static class MembershipRows
{
    /// <param name="old">The row that it replaces: what Orleans does not know of is kept.</param>
    public static MembershipRow From(MembershipEntry entry, string etag, MembershipRow old)
    {
        var row = From(entry, etag, old.Process, old.Slots);
        return row with
        {
            SlotBytes = old.SlotBytes,
            End = old.End,
            HeartbeatSeconds = old.HeartbeatSeconds,
            Works = old.Works,
            // Also of newer versions: of the row, and of each vote that stays.
            Unknown = old.Unknown,
            SuspectTimes =
            [
                .. row.SuspectTimes.Select(vote =>
                    old.SuspectTimes.FirstOrDefault(before => before.Silo == vote.Silo && before.At == vote.At) ?? vote
                ),
            ],
        };
    }

    public static MembershipRow From(MembershipEntry entry, string etag, ProcessIdentity? process, IReadOnlyList<string> slots) =>
        new()
        {
            ETag = etag,
            Silo = entry.SiloAddress.ToParsableString(),
            SiloName = entry.SiloName ?? "",
            Status = entry.Status,
            ProxyPort = entry.ProxyPort,
            HostName = entry.HostName ?? "",
            RoleName = entry.RoleName,
            UpdateZone = entry.UpdateZone,
            FaultZone = entry.FaultZone,
            StartTime = Utc(entry.StartTime),
            IAmAliveTime = Utc(entry.IAmAliveTime),
            SuspectTimes = [.. (entry.SuspectTimes ?? []).Select(vote => new SuspectVote(vote.Item1.ToParsableString(), Utc(vote.Item2)))],
            Process = process,
            Slots = slots,
        };

    public static MembershipEntry Entry(this MembershipRow row) =>
        new()
        {
            SiloAddress = row.Address,
            SiloName = row.SiloName,
            Status = row.Status,
            ProxyPort = row.ProxyPort,
            HostName = row.HostName,
            RoleName = row.RoleName,
            UpdateZone = row.UpdateZone,
            FaultZone = row.FaultZone,
            StartTime = row.StartTime,
            IAmAliveTime = row.IAmAliveTime,
            SuspectTimes = [.. row.SuspectTimes.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.Silo), vote.At))],
        };

    /// <summary>Orleans' times are UTC whatever their kind says.</summary>
    public static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);
}
