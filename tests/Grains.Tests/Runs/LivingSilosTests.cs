using System.Collections.Immutable;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>A silo that joined since this one last looked is not dead.</summary>
public sealed class LivingSilosTests
{
    private const string Owner = "127.0.0.1:11111@5",
        Other = "127.0.0.1:22222@6";
    private static readonly StageId Stage = new(0, 0);

    private readonly Membership membership = new(4, Other);
    private readonly LivingSilos living;

    public LivingSilosTests() => living = new LivingSilos(membership);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task IsAlive_OfAnOwnerThatTookInANewerView_LooksAgainBeforeItIsCalledDead()
    {
        membership.Next = (6, [Other, Owner]);

        Assert.True(await living.IsAliveAsync(Taken(5), Cancel));
        Assert.Equal(1, membership.Refreshes);
    }

    [Theory]
    [InlineData(4L)]
    [InlineData(1L)]
    public async Task IsAlive_OfAnOwnerThatThisViewWouldKnow_IsDeadAtOnce(long version)
    {
        membership.Next = (6, [Other, Owner]);

        Assert.False(await living.IsAliveAsync(Taken(version), Cancel));
        Assert.Equal(0, membership.Refreshes);
    }

    [Fact]
    public async Task IsAlive_OfAnOlderBuildsOwner_LooksAgain()
    {
        membership.Next = (4, [Other, Owner]);

        Assert.True(await living.IsAliveAsync(Taken(null), Cancel));
    }

    [Fact]
    public async Task IsAlive_OfAnOwnerOfATableThatWasBegunAnew_IsDeadAfterOneLook()
    {
        membership.Next = (5, [Other]);

        Assert.False(await living.IsAliveAsync(Taken(1000), Cancel));
        Assert.Equal(1, membership.Refreshes);
    }

    [Fact]
    public async Task IsAlive_WhenTheViewCannotBeBroughtUpToDate_CallsNobodyDead()
    {
        membership.Fails = true;

        await Assert.ThrowsAsync<IOException>(async () => await living.IsAliveAsync(Taken(5), Cancel));
    }

    [Fact]
    public async Task Judged_WhenARootsOwnerIsNewerThanTheView_HasTheLivingOfANewerOne()
    {
        membership.Next = (6, [Other, Owner]);

        var facts = await living.JudgedAsync(Facts(Taken(5)), Cancel);

        Assert.NotNull(facts.LivingOwnerOf(Stage));
        Assert.Empty(Readiness.ToTrain(facts));
    }

    [Fact]
    public async Task Judged_WhenTheViewKnowsEveryOwner_CostsNothing()
    {
        var facts = await living.JudgedAsync(Facts(Taken(4)), Cancel);

        Assert.Null(facts.LivingOwnerOf(Stage));
        Assert.Equal(0, membership.Refreshes);
    }

    private static StageOwner Taken(long? version) =>
        new(Owner, "one", ["cpu:0"], DateTimeOffset.UnixEpoch) { MembershipVersion = version };

    private static RunFacts Facts(StageOwner owner) =>
        new(SpecReader.FromPreset("micro"))
        {
            Roots = new Dictionary<StageId, StageRoot>
            {
                [Stage] = new() { EpochToken = 1, Owner = owner },
            },
        };

    private sealed class Membership(long version, params string[] silos) : IClusterMembershipService
    {
        public (long Version, string[] Silos)? Next { get; set; }

        public bool Fails { get; set; }

        public int Refreshes { get; private set; }

        public ClusterMembershipSnapshot CurrentSnapshot { get; private set; } = Snapshot(version, silos);

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default)
        {
            // Orleans waits for a version that is asked for without end, also where the table has it no more.
            Assert.Equal(default, minimumVersion);
            Refreshes++;
            CurrentSnapshot =
                Fails ? throw new IOException("The store is away.")
                : Next is { } next ? Snapshot(next.Version, next.Silos)
                : CurrentSnapshot;
            return default;
        }

        public Task<bool> TryKill(SiloAddress siloAddress) => throw new NotSupportedException();

        private static ClusterMembershipSnapshot Snapshot(long version, string[] silos) =>
            new(
                silos
                    .Select(SiloAddress.FromParsableString)
                    .ToImmutableDictionary(silo => silo, silo => new ClusterMember(silo, SiloStatus.Active, "a silo")),
                new MembershipVersion(version)
            );
    }
}
