using System.Diagnostics;
using Slowrun.Client.Silos;

namespace Slowrun.Client.Tests.Silos;

public sealed class OrphansTests
{
    // The parent that counts is one whose command line names the client; the tests' own does as well (Slowrun.Client.Tests).
    [Theory]
    [InlineData("exec sh -c 'read line' --parent-pipe", false)]
    [InlineData("sh -c 'read line' --parent-pipe <&0; :", true)]
    [InlineData("sh -c 'read line' --slots <&0; :", false)]
    public async Task IsOne_IsASiloThatStopsWithAParentThatIsNoClient(string script, bool orphan)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardInput = true })!;
        int[] children = [];
        while (!script.StartsWith("exec", StringComparison.Ordinal) && children.Length == 0)
        {
            children = [.. (await File.ReadAllTextAsync($"/proc/{shell.Id}/task/{shell.Id}/children", CommandLine.Stop)).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        }

        Assert.Equal(orphan, Orphans.IsOne(children.Append(shell.Id).First()));
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(CommandLine.Stop);
    }

    [Fact]
    public void IsOne_OfAProcessThatIsGone_IsFalse() => Assert.False(Orphans.IsOne(int.MaxValue));
}
