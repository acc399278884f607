using System.Collections.Immutable;
using System.Net;
using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>Which changes of the membership are told.</summary>
public sealed class ClusterNewsTests
{
    [Theory]
    [InlineData(null, SiloStatus.Joining, null)]
    [InlineData(null, SiloStatus.Active, nameof(SiloNews.Joined))]
    [InlineData(null, SiloStatus.Dead, null)]
    [InlineData(SiloStatus.Joining, SiloStatus.Active, nameof(SiloNews.Joined))]
    [InlineData(SiloStatus.Active, SiloStatus.Active, null)]
    [InlineData(SiloStatus.Active, SiloStatus.ShuttingDown, null)]
    [InlineData(SiloStatus.ShuttingDown, SiloStatus.Dead, nameof(SiloNews.Left))]
    [InlineData(SiloStatus.Active, SiloStatus.Dead, nameof(SiloNews.Died))]
    [InlineData(SiloStatus.Dead, SiloStatus.Dead, null)]
    public void Between_TwoViews_TellsWhatBecameOfAnotherSilo(SiloStatus? before, SiloStatus after, string? expected)
    {
        var news = ClusterNews.Between(View(1, before), View(2, after), Address(9));

        Assert.Equal(expected, news.Count == 0 ? null : Assert.Single(news).News.ToString());
    }

    [Fact]
    public void Between_TwoViews_SaysNothingOfThisSilo() =>
        Assert.Empty(ClusterNews.Between(View(1, null), View(2, SiloStatus.Active), Address(1)));

    private static SiloAddress Address(int port) => SiloAddress.New(IPAddress.Loopback, port, 1);

    private static ClusterMembershipSnapshot View(long version, SiloStatus? status) =>
        new(
            status is { } known
                ? ImmutableDictionary<SiloAddress, ClusterMember>.Empty.Add(Address(1), new ClusterMember(Address(1), known, "other"))
                : ImmutableDictionary<SiloAddress, ClusterMember>.Empty,
            new MembershipVersion(version)
        );
}
