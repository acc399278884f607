using System.Diagnostics;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.Fleet.Tests.Chaos.Platform;

public sealed class SiloReaperTests
{
    /// <summary>A silo that stands still, one of another store, and a process that has got a silo's id.</summary>
    [Theory]
    [InlineData("silo --store /the/store --parent-pipe", true)]
    [InlineData("silo --store /another --parent-pipe", false)]
    [InlineData("cat /the/store", false)]
    public async Task Reaper_AtItsEnd_EndsSilosOfItsStoreAlone(string command, bool ended)
    {
        // The shell halts itself, with the command in its command line.
        using var process = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", "kill -STOP $$; :", .. command.Split(' ')]) { RedirectStandardInput = true }
        )!;
        var stat = $"/proc/{process.Id}/stat";
        while (!(await File.ReadAllTextAsync(stat, Example.Stop)).Contains(") T ", StringComparison.Ordinal))
        {
            await Task.Yield();
        }

        var reaper = new SiloReaper("/the/store");
        reaper.Watch(process.Id);
        await reaper.DisposeAsync();

        if (ended)
        {
            await process.WaitForExitAsync(Example.Stop);
            Assert.Equal(128 + 9, process.ExitCode);
        }
        else
        {
            Assert.False(process.HasExited);
            process.Kill();
            await process.WaitForExitAsync(Example.Stop);
        }
    }
}
