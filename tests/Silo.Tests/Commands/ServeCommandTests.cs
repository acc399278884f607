using System.Net;
using Slowrun.Core.Commands;
using Slowrun.Core.Specs;
using Slowrun.Silo.Commands;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Tests.Commands;

public sealed class ServeCommandTests
{
    // What the command line finds out, and does not pass on.
    private static readonly string[] OfTheProgramAlone = ["--log", "--parent-pipe", "--store"];

    [Fact]
    public void Options_OfTheProgram_AreThoseThatTheCommandLinePassesOn()
    {
        var options = ServeCommand.Create().Options;

        Assert.Equal(
            SiloCommandOptions.All.Select(option => option.Name).Concat(OfTheProgramAlone).Order(StringComparer.Ordinal),
            options.Select(option => option.Name).Order(StringComparer.Ordinal)
        );
        Assert.All(
            SiloCommandOptions.All,
            declared => Assert.Equal(declared.Description, options.Single(option => option.Name == declared.Name).Description)
        );
    }

    [Fact]
    public void Defaults_InTheHelp_AreThoseOfTheSettings()
    {
        var silo = new SiloSettings { Store = "store", Slots = ["cpu:0"] };
        var events = new MetadataOptions();

        Assert.All(
            new[]
            {
                (SiloCommandOptions.StopWithin, Duration.Text(silo.StopWithin)),
                (SiloCommandOptions.Imds, events.Address.ToString()),
                (SiloCommandOptions.ImdsVersion, events.ApiVersion),
                (SiloCommandOptions.ImdsInterval, Duration.Text(events.Interval)),
                (SiloCommandOptions.Listen, IPAddress.IsLoopback(silo.Listen) ? "loopback" : silo.Listen.ToString()),
                (SiloCommandOptions.Port, silo.SiloPort == 0 ? "any free one" : "a fixed one"),
                (SiloCommandOptions.GatewayPort, silo.GatewayPort == 0 ? "any free one" : "a fixed one"),
                (SiloCommandOptions.ExitWhenIdle, silo.ExitWhenIdle is null ? "never" : "a time"),
                (SiloCommandOptions.Http, silo.Http is null ? "no port is opened" : "a port"),
            },
            one => Assert.Contains($"default: {one.Item2}", one.Item1.Description, StringComparison.Ordinal)
        );
    }
}
