using System.Diagnostics;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>The published client on a machine that has nothing: it starts, it is quick, it answers from a store.</summary>
[Collection(Cli.OneAtATime)]
public sealed class PublishedClientTests(CalmTiny calm, PublishedClient client)
{
    [Fact]
    public async Task Version_NamesTheVersionAndPerhapsTheCommit()
    {
        var version = await client.RunAsync([], "--version");

        Assert.Equal((0, ""), (version.ExitCode, version.Error));
        Assert.Matches(@"^slowrun \d+\.\d+\.\d+\S*( \(commit [0-9a-f]{7,12}\))?\n$", version.Output);
    }

    [Fact]
    public async Task Status_FromTheStore_SaysWhatTheBuiltClientSays()
    {
        var status = await client.RunAsync(new() { ["SLOWRUN_STORE"] = calm.Cli.Store }, "status", "tiny");

        Assert.Equal((0, ""), (status.ExitCode, status.Error));
        Assert.Contains("tiny · Succeeded", status.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// Time of a processor, not of a clock: other processes then count little. Compiled while it runs, the program takes several times as long; the
    /// bounds are between the two.
    /// </summary>
    [Theory]
    [InlineData(0.3, "--help")]
    [InlineData(0.8, "status", "tiny")]
    public async Task Command_IsCompiledAheadOfTime(double seconds, params string[] arguments)
    {
        var least = double.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var start = new ProcessStartInfo(Path.Combine(await client.FolderAsync(), "slowrun"), arguments) { RedirectStandardOutput = true };
            start.Environment["SLOWRUN_STORE"] = calm.Cli.Store;
            using var process = Process.Start(start)!;
            await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
            least = Math.Min(least, process.TotalProcessorTime.TotalSeconds);
        }

        Assert.InRange(least, 0, seconds);
    }
}
