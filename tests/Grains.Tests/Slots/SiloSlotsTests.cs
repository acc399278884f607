using System.Net;
using Microsoft.Extensions.Time.Testing;
using Orleans.Runtime.Placement;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Tests.Slots;

/// <summary>What is let in takes nothing along from the call that offered it.</summary>
public sealed class SiloSlotsTests
{
    [Fact]
    public void Ask_ThatIsLetIn_LeavesNoPlacementHintToWhatTheWorkCalls()
    {
        using var table = new SlotTable(["cpu:0"]);
        var silo = new Local();
        var slots = new SiloSlots(table, new LocalWork(), new OfferPace(new FakeTimeProvider()), silo);
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo.SiloAddress);

        var answer = slots.Ask(new SlotOffer(silo.SiloAddress.ToParsableString(), ["cpu:0"]), "work", () => { }, out var admitted);

        Assert.True(answer.Taken);
        Assert.Null(RequestContext.Get(IPlacementDirector.PlacementHintKey));
        admitted!.Dispose();
    }

    private sealed class Local : ILocalSiloDetails
    {
        public string Name => "silo";

        public string ClusterId => "test";

        public string DnsHostName => "test";

        public SiloAddress SiloAddress { get; } = SiloAddress.New(IPAddress.Loopback, 1, 1);

        public SiloAddress GatewayAddress => SiloAddress;
    }
}
