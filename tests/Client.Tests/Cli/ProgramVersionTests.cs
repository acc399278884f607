using Slowrun.Client.Cli;
using Slowrun.Client.Commands;

namespace Slowrun.Client.Tests.Cli;

public sealed class ProgramVersionTests
{
    [Theory]
    [InlineData("0.1.0+dec93d6e4dc2eee15aa923d411b8932a1b403a81", "0.1.0 (commit dec93d6e4dc2)")]
    [InlineData("0.1.0", "0.1.0")]
    [InlineData("0.1.0+", "0.1.0+")]
    [InlineData("0.1.0-rc.1+abc", "0.1.0-rc.1 (commit abc)")]
    public void Of_WhatTheBuildWrote_NamesTheCommitWhereThereIsOne(string informational, string text) =>
        Assert.Equal(text, ProgramVersion.Of(informational));

    [Fact]
    public async Task Version_IsALineWithTheProgramsName()
    {
        var cli = new CommandLine();

        // No other word may stand beside it.
        var exitCode = await SlowrunCommand.RunAsync(["--version"], cli.Context, CommandLine.Stop);

        Assert.Equal((0, $"slowrun {ProgramVersion.Text}\n"), (exitCode, cli.Output));
    }
}
