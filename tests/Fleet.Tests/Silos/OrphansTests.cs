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
    public async Task IsOne_IsASiloThatStopsWithAParentThatIsNoClient(string parent, string option, bool orphan) =>
        Assert.Equal(orphan, await IsChildOneAsync("/bin/sh", parent, option));

    [Fact]
    public async Task IsOne_WhereTheParentIsAnInstalledClient_IsFalse()
    {
        using var folder = new TemporaryFolder();
        var program = Path.Combine(folder.Path, "slowrun");
        File.CreateSymbolicLink(program, "/bin/sh");

        Assert.False(await IsChildOneAsync(program, "another", "--parent-pipe"));
    }

    [Fact]
    public void IsOne_OfAProcessThatIsGone_IsFalse() => Assert.False(Orphans.IsOne(int.MaxValue));

    /// <summary>Asks of a child of a shell.</summary>
    /// <param name="parent">Stands in the shell's command line.</param>
    private static async Task<bool> IsChildOneAsync(string program, string parent, string option)
    {
        using var shell = Process.Start(
            new ProcessStartInfo(program, ["-c", $"sh -c 'read line' {option} <&0; :", parent]) { RedirectStandardInput = true }
        )!;
        int[] children = [];
        while (children.Length == 0)
        {
            children =
            [
                .. (await File.ReadAllTextAsync($"/proc/{shell.Id}/task/{shell.Id}/children", Example.Stop))
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select(int.Parse),
            ];
        }

        // Until it begins its program it has its parent's command line.
        while (!(await File.ReadAllTextAsync($"/proc/{children[0]}/cmdline", Example.Stop)).StartsWith("sh\0", StringComparison.Ordinal))
        {
            await Task.Yield();
        }

        var orphan = Orphans.IsOne(children[0]);
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(Example.Stop);
        return orphan;
    }
}
