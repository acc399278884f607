using System.Diagnostics;

namespace Slowrun.EndToEnd.Tests.Attacks;

/// <summary>A directory store on a machine with other users: what they can read of it, and what happens with files that they put into
/// it.</summary>
[Collection(Cli.Waiting)]
public sealed class StrangeFilesTests : IDisposable
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryStore temporary = new();

    public void Dispose() => temporary.Dispose();

    [Fact]
    public async Task Run_WithItsLogs_LeavesNothingThatOthersMayRead()
    {
        // Made by Slowrun, not by the test.
        var store = Path.Combine(temporary.Path, "store");
        var run = await new Cli(store).RunAsync("run", "micro");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(store, ".logs")));
        Assert.All(
            Directory.GetFiles(store, "*", SearchOption.AllDirectories),
            path => Assert.True(ModeOf(path) == OwnersFile, $"{path}: {ModeOf(path)}")
        );
        Assert.All(
            Directory.GetDirectories(store, "*", SearchOption.AllDirectories).Append(store),
            path => Assert.True(ModeOf(path) == (OwnersFile | UnixFileMode.UserExecute), $"{path}: {ModeOf(path)}")
        );
    }

    [Fact]
    public async Task Run_WhoseIntentIsAPipe_IsNamedAndStopsNoOther()
    {
        var cli = new Cli(temporary.Path);
        Assert.Equal(0, (await cli.RunAsync("submit", "micro", "--name", "piped")).ExitCode);
        var intent = Path.Combine(temporary.Path, "runs", "piped", "intent");
        File.Delete(intent);
        using (var make = Process.Start("mkfifo", [intent]))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        foreach (var command in new[] { "status", "explain", "pause" })
        {
            // The limit is for a command that waits for a writer of the pipe.
            var result = await cli.RunAsync(command, "piped").WaitAsync(Until.Patience, TestContext.Current.CancellationToken);
            Assert.Contains("runs/piped/intent", result.Error + result.Output, StringComparison.Ordinal);
            Assert.Contains("named pipe", result.Error + result.Output, StringComparison.Ordinal);
        }

        var other = await cli.RunAsync("run", "micro", "--name", "other").WaitAsync(Until.Patience, TestContext.Current.CancellationToken);
        Assert.True(other.ExitCode == 0, other.Error);
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Interoperability", "CA1416", Justification = "Slowrun runs on Linux.")]
    private static UnixFileMode ModeOf(string path) => File.GetUnixFileMode(path);
}
