using Slowrun.Core.Commands;
using Slowrun.Silo.Commands;

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
}
