using Slowrun.Core;

namespace Slowrun.Client.Tests.Commands;

public sealed class DrainCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Drain_WhenNobodyServes_SaysSoAndExitsWithThree()
    {
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("drain", "gpu-3"));
        Assert.Contains("There is no silo 'gpu-3': none serves", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_OfANameThatTwoHave_ShowsTheirAddresses()
    {
        await HaveSilosAsync("gpu-3", "gpu-3");

        Assert.Equal(2, await cli.RunAsync("drain", "gpu-3"));
        Assert.Contains("127.0.0.1:2@0, 127.0.0.1:3@0", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_OfAMisspeltName_ProposesTheNearest()
    {
        await HaveSilosAsync("gpu-3", "spare");

        Assert.Equal(3, await cli.RunAsync("drain", "gpu3"));
        Assert.Contains("Did you mean 'gpu-3'? There are: gpu-3, spare.", cli.Error, StringComparison.Ordinal);
    }

    private async Task HaveSilosAsync(params string[] names)
    {
        var rows = names.Select((name, i) => new
        {
            ETag = "1",
            Silo = $"127.0.0.1:{i + 2}@0",
            SiloName = name,
            Status = "Active",
            IAmAliveTime = CommandLine.Start.UtcDateTime,
        });
        var document = new { Format = 1, Version = 1, WriteId = "1", Rows = rows };
        await (await cli.StoreAsync()).WriteAsync("cluster/membership", CanonicalJson.Serialize(document), CommandLine.Stop);
    }
}
