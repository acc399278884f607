using System.Diagnostics;
using Slowrun.Fleet.Silos;

namespace Slowrun.Fleet.Tests.Silos;

public sealed class OrphansTests
{
    // The parent that counts is one whose command line names the client.
    [Theory]
    [InlineData("Slowrun.Client.dll", "--parent-pipe", false)]
    [InlineData("another", "--parent-pipe", true)]
    [InlineData("another", "--slots", false)]
    public async Task IsOne_IsASiloThatStopsWithAParentThatIsNoClient(string parent, string option, bool orphan)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"sh -c 'read line' {option} <&0; :", parent]) { RedirectStandardInput = true })!;
        int[] children = [];
        while (children.Length == 0)
        {
            children = [.. (await File.ReadAllTextAsync($"/proc/{shell.Id}/task/{shell.Id}/children", Example.Stop)).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        }

        Assert.Equal(orphan, Orphans.IsOne(children[0]));
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(Example.Stop);
    }

    [Fact]
    public void IsOne_OfAProcessThatIsGone_IsFalse() => Assert.False(Orphans.IsOne(int.MaxValue));
}
