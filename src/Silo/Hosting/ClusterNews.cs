namespace Slowrun.Silo.Hosting;

/// <summary>Logs in one line which silo joined, left, or is dead, instead of Orleans' many warnings.</summary>
internal sealed partial class ClusterNews(IClusterMembershipService membership, ILocalSiloDetails self, ILogger<ClusterNews> log)
    : BackgroundService
{
    /// <summary>How the members of two views differ, this silo left out.</summary>
    internal static IReadOnlyList<(SiloNews News, ClusterMember Member)> Between(
        ClusterMembershipSnapshot before,
        ClusterMembershipSnapshot after,
        SiloAddress self
    )
    {
        var news = new List<(SiloNews, ClusterMember)>();
        foreach (
            var member in after
                .Members.Values.Where(member => !member.SiloAddress.Equals(self))
                .OrderBy(member => member.Name, StringComparer.Ordinal)
        )
        {
            var then = before.Members.TryGetValue(member.SiloAddress, out var known) ? known.Status : SiloStatus.None;
            if (member.Status == SiloStatus.Active && then != SiloStatus.Active)
            {
                news.Add((SiloNews.Joined, member));
            }
            else if (member.Status == SiloStatus.Dead && then is SiloStatus.Active or SiloStatus.Joining)
            {
                news.Add((SiloNews.Died, member));
            }
            else if (member.Status == SiloStatus.Dead && then is SiloStatus.ShuttingDown or SiloStatus.Stopping)
            {
                news.Add((SiloNews.Left, member));
            }
        }

        return news;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var before = membership.CurrentSnapshot;
        await foreach (var after in membership.MembershipUpdates.WithCancellation(stoppingToken))
        {
            foreach (var (news, member) in Between(before, after, self.SiloAddress))
            {
                Tell(news, member.Name, member.SiloAddress);
            }

            before = after;
        }
    }

    private void Tell(SiloNews news, string name, SiloAddress silo)
    {
        switch (news)
        {
            case SiloNews.Joined:
                LogJoined(log, name, silo);
                break;
            case SiloNews.Left:
                LogLeft(log, name, silo);
                break;
            case SiloNews.Died:
                LogDied(log, name, silo);
                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} ({Silo}) is in the cluster.")]
    private static partial void LogJoined(ILogger logger, string name, SiloAddress silo);

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} ({Silo}) has left the cluster.")]
    private static partial void LogLeft(ILogger logger, string name, SiloAddress silo);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Silo {Name} ({Silo}) is dead: it did not answer, or its process is gone. Its stages are taken by other silos."
    )]
    private static partial void LogDied(ILogger logger, string name, SiloAddress silo);
}
