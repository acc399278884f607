using Slowrun.Core.Simulation;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Simulation;

public sealed class MachineSizesTests
{
    [Fact]
    public void Read_OfTheFileThatComesWithTheProgram_NamesTheSourceOfEachFigure()
    {
        var sizes = MachineSizes.Read(MachineSizes.Embedded, "machines.yaml").Sizes;

        Assert.Equal(3, sizes.Count);
        Assert.All(
            sizes,
            size =>
            {
                Assert.InRange(size.SpotPrice, 0.01, size.OnDemandPrice);
                Assert.Contains("2026", size.OnDemandFrom, StringComparison.Ordinal);
                Assert.Contains("placeholder", size.SpotFrom, StringComparison.Ordinal);
                Assert.Contains("placeholder", size.EvictionsFrom, StringComparison.Ordinal);
            }
        );
    }

    [Fact]
    public void Read_OfAFileWithProblems_NamesAllWithTheirPlace()
    {
        var e = Assert.Throws<SpecException>(() =>
            MachineSizes.Read("sizes:\n  - name: mine\n    spotPrize: 2\n    peakTeraflops: many\n", "m.yaml")
        );

        Assert.Contains("m.yaml:3:5", e.Message, StringComparison.Ordinal);
        Assert.Contains("spotPrice", e.Message, StringComparison.Ordinal);
        Assert.Contains("'many'", e.Message, StringComparison.Ordinal);
        Assert.Contains("evictionsPerHour", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfAFileThatSaysNothingOfStores_HasNoPriceOfOne()
    {
        const string Machine = "sizes:\n  - {name: a, peakTeraflops: 1, onDemandPrice: 2, spotPrice: 1, evictionsPerHour: 0}\n";

        Assert.Null(MachineSizes.Read(Machine, "m.yaml").Store);
        Assert.Null(MachineSizes.Read(Machine + "store:\n", "m.yaml").Store);
        Assert.Equal(0.5, MachineSizes.Read(Machine + "store: {perGigabyteMonth: 0.5}\n", "m.yaml").Store!.PerGigabyteMonth);
        Assert.Contains("placeholder", MachineSizes.Read(MachineSizes.Embedded, "machines.yaml").Store!.From, StringComparison.Ordinal);
        var e = Assert.Throws<SpecException>(() => MachineSizes.Read(Machine + "store: {perGigabyte: 0.5}\n", "m.yaml"));
        Assert.Contains("m.yaml:3:", e.Message, StringComparison.Ordinal);
        Assert.Contains("perGigabyteMonth", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Named_WhenThereIsNone_ProposesTheNearest()
    {
        var sizes = MachineSizes.Read(MachineSizes.Embedded, "machines.yaml").Sizes;

        var e = Assert.Throws<NotFoundException>(() => MachineSizes.Named(sizes, "Standard_NC40ads_H100_v4"));

        Assert.Contains("Standard_NC40ads_H100_v5", e.Message, StringComparison.Ordinal);
    }
}
