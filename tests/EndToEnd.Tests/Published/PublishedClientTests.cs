using System.Globalization;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>The published client on a machine that has nothing: it starts, it is quick, it answers from a store.</summary>
[Collection(Cli.Waiting)]
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
    /// Time of a processor, not of a clock: other processes then count little. Compiled while it runs, the program takes several times as
    /// long; the bounds are between the two. The least of ten, since caches that are shared with other programs cost processor time too.
    /// </summary>
    [Theory]
    [InlineData(0.3, "--help")]
    [InlineData(0.8, "status", "tiny")]
    public async Task Command_IsCompiledAheadOfTime(double seconds, params string[] arguments)
    {
        var least = double.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            // The shell's second line is its children's time: "0m0.412s 0m0.051s".
            var timed = await PublishedClient.RunAsync(
                "/bin/sh",
                new() { ["SLOWRUN_STORE"] = calm.Cli.Store },
                ["-c", "\"$0\" \"$@\" >/dev/null; times", Path.Combine(await client.FolderAsync(), "slowrun"), .. arguments]
            );
            Assert.Equal("", timed.Error);
            least = Math.Min(
                least,
                timed.Output.Split('\n')[1].Split(' ').Sum(time => double.Parse(time.Split('m', 's')[1], CultureInfo.InvariantCulture))
            );
        }

        Assert.InRange(least, 0.001, seconds);
    }
}
