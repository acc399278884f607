using System.Diagnostics;
using System.Runtime.Versioning;
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

    /// <summary>Ctrl-C goes to all processes of a terminal, also to a shell that has not begun to ignore it.</summary>
    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Reaper_WhoseShellIsInterruptedAsItStarts_HasAnother()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-");
        try
        {
            var shell = Path.Combine(folder.FullName, "shell");
            await File.WriteAllTextAsync(
                shell,
                "#!/bin/sh\n[ -e \"$0.was\" ] || { : >\"$0.was\"; kill -INT $$; }\nexec /bin/sh \"$@\"\n",
                Example.Stop
            );
            File.SetUnixFileMode(shell, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var silo = Process.Start(
                new ProcessStartInfo("/bin/sh", ["-c", "kill -STOP $$; :", "silo", "/the/store", "--parent-pipe"])
                {
                    RedirectStandardInput = true,
                }
            )!;

            var reaper = new SiloReaper("/the/store", shell);
            reaper.Watch(silo.Id);
            await reaper.DisposeAsync();

            await silo.WaitForExitAsync(Example.Stop);
            Assert.Equal(128 + 9, silo.ExitCode);
            Assert.True(File.Exists(shell + ".was"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Reaper_WhoseShellAlwaysEnds_SaysSo() =>
        Assert.Contains(
            "'/bin/false' ends at once",
            Assert.Throws<Core.NotPossibleException>(() => new SiloReaper("/the/store", "/bin/false")).Message,
            StringComparison.Ordinal
        );
}
