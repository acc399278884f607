using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>A damaged root, seen by a silo that trains nothing of its stage.</summary>
public sealed class DocumentMendingTests : IAsyncDisposable
{
    private const string Me = "127.0.0.1:1@1";
    private const string Owner = "127.0.0.1:2@2";
    private static readonly StageId Stage = new(0, 0);

    private readonly MemoryStore store = new();
    private readonly FleetMembership membership = new();
    private readonly LocalRun run;
    private readonly DocumentMending mending;

    public DocumentMendingTests()
    {
        run = new LocalRun(store);
        membership.Set(SiloAddress.FromParsableString(Me), SiloStatus.Active);
        mending = new DocumentMending(
            store,
            new LocalWork(),
            new LivingSilos(membership),
            new Details(),
            TimeProvider.System,
            NullLogger<DocumentMending>.Instance
        );
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => run.DisposeAsync();

    [Fact]
    public async Task Mend_OfARootWhoseOwnerJoinedAfterThisSilosView_LeavesItToThatOwner()
    {
        await DamagedAsync();
        membership.OnRefresh = () => membership.Set(SiloAddress.FromParsableString(Owner), SiloStatus.Active);

        Assert.False(await mending.MendAsync(await run.FactsAsync(Me), Stop));

        Assert.Single((await run.FactsAsync(Me)).Damage);
    }

    [Fact]
    public async Task Mend_OfARootWhoseOwnerIsNoMember_RecoversIt()
    {
        await DamagedAsync();

        Assert.True(await mending.MendAsync(await run.FactsAsync(Me), Stop));

        Assert.True((await run.FactsAsync(Me)).RootOf(Stage).EpochToken > 1);
    }

    private async Task DamagedAsync()
    {
        await run.SubmitAsync();
        Assert.NotNull((await run.OfferAsync(Stage, new SlotOffer(Owner, ["cpu:0"]))).Runner);
        // Its copy tells the owner.
        var root = RunPaths.Root("micro", Stage);
        await store.WriteAsync(root, (await store.TryReadAsync(root, Stop))!.Content[..^5], Stop);
    }

    private sealed class Details : ILocalSiloDetails
    {
        public string Name => "test";

        public string ClusterId => "cluster";

        public string DnsHostName => "localhost";

        public SiloAddress SiloAddress => SiloAddress.FromParsableString(Me);

        public SiloAddress GatewayAddress => SiloAddress.New(IPAddress.Loopback, 2, 1);
    }
}
