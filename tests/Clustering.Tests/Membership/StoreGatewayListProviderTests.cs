using Orleans.Messaging;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class StoreGatewayListProviderTests
{
    private readonly MemoryStore store = new();
    private readonly StoreMembershipTable table;
    private readonly StoreGatewayListProvider gateways;

    public StoreGatewayListProviderTests()
    {
        table = new StoreMembershipTable(store);
        gateways = new StoreGatewayListProvider(store, TimeSpan.FromSeconds(5));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetGateways_OfEveryKindOfRow_GivesTheActiveOnesWithAGateway()
    {
        var active = await table.AddAsync(Entries.New(gateway: 30001));
        await table.AddAsync(Entries.New(gateway: 0));
        foreach (var status in Enum.GetValues<SiloStatus>().Where(status => status != SiloStatus.Active))
        {
            await table.AddAsync(Entries.New(status));
        }

        var uri = Assert.Single(await gateways.GetGatewaysAsync(Cancel));

        Assert.Equal(SiloAddress.New(active.SiloAddress.Endpoint.Address, 30001, active.SiloAddress.Generation).ToGatewayUri(), uri);
    }

    [Fact]
    public async Task GetGateways_WhenTheProcessOfThisMachineIsGone_LeavesItOut()
    {
        await new StoreMembershipTable(store, ProcessIdentity.Current with { StartTicks = 1 }).AddAsync(Entries.New());

        Assert.Empty(await gateways.GetGatewaysAsync(Cancel));
    }

    [Fact]
    public async Task GetGateways_WhenAnotherMachinesHeartbeatIsOld_StillOffersIt()
    {
        // The entries' times lie years from the real clock.
        await new StoreMembershipTable(store, new ProcessIdentity("elsewhere", 1, 1)).AddAsync(Entries.New());

        Assert.Single(await gateways.GetGatewaysAsync(Cancel));
    }

    [Fact]
    public async Task Methods_OfBothGenerations_DoTheSame()
    {
        await table.AddAsync(Entries.New());
#pragma warning disable CS0618 // Orleans calls the obsolete twins still, and foreign suites do.
        IGatewayListProvider old = gateways;
        await old.InitializeGatewayListProvider();
        Assert.Equal(await gateways.GetGatewaysAsync(Cancel), await old.GetGateways());
        Assert.True(old.IsUpdatable);
#pragma warning restore CS0618
        Assert.Equal(TimeSpan.FromSeconds(5), old.MaxStaleness);
    }
}
