using System.Diagnostics;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.Fleet.Tests.Chaos.Platform;

public sealed class FileLocksTests
{
    [Fact]
    public async Task Process_ThatHasLockedAFile_IsFoundUntilItEnds()
    {
        var stop = TestContext.Current.CancellationToken;
        var file = Path.GetTempFileName();
        try
        {
            using var holder = Process.Start(
                new ProcessStartInfo("flock", [file, "sh", "-c", "echo locked; read line"])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                }
            )!;
            Assert.Equal("locked", await holder.StandardOutput.ReadLineAsync(stop));
            Assert.True(FileLocks.AnyIsHeldBy(holder.Id));

            holder.StandardInput.Close();
            await holder.WaitForExitAsync(stop);

            Assert.False(FileLocks.AnyIsHeldBy(holder.Id));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", true)]
    [InlineData("1: FLOCK  ADVISORY  READ 4711 fe:00:1234 0 EOF", false)]
    [InlineData("1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", false)]
    [InlineData("1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", false)]
    [InlineData("1: FLOCK  ADVISORY  WRITE 47111 fe:00:1234 0 EOF", false)]
    public void Line_OfTheTable_IsReadAsLinuxWritesIt(string line, bool isHeld) =>
        Assert.Equal(isHeld, FileLocks.AnyIsHeldBy(4711, [line]));
}
