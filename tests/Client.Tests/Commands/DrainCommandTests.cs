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
        await cli.HaveSilosAsync("gpu-3", "gpu-3");

        Assert.Equal(2, await cli.RunAsync("drain", "gpu-3"));
        Assert.Contains("127.0.0.1:2@0, 127.0.0.1:3@0", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_OfAMisspeltName_ProposesTheNearest()
    {
        await cli.HaveSilosAsync("gpu-3", "spare");

        Assert.Equal(3, await cli.RunAsync("drain", "gpu3"));
        Assert.Contains("Did you mean 'gpu-3'? There are: gpu-3, spare.", cli.Error, StringComparison.Ordinal);
    }
}
