using System.Diagnostics;

namespace Slowrun.Client.Tests.Data;

public sealed class LongWordTests
{
    [Fact]
    public async Task Prepare_OfAWordOf20MiBInAHeapOf1GiB_Succeeds()
    {
        using var folder = new TemporaryFolder();
        var input = folder.Write("a.jsonl", $"{{\"text\":\"{new string('a', 20 << 20)}\"}}\n");
        var start = new ProcessStartInfo(
            "dotnet",
            [
                typeof(Client.Commands.SlowrunCommand).Assembly.Location,
                "data",
                "prepare",
                "--input",
                input,
                "--tokenizer",
                "gpt2",
                "--out",
                Path.Combine(folder.Path, "out"),
            ]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x40000000";
        using var process = Process.Start(start)!;
        var (output, error) = (
            process.StandardOutput.ReadToEndAsync(CommandLine.Stop),
            process.StandardError.ReadToEndAsync(CommandLine.Stop)
        );
        await process.WaitForExitAsync(CommandLine.Stop);
        Assert.True(process.ExitCode == 0, await error + await output);
        Assert.Contains("20,971,520 bytes of text", await output, StringComparison.Ordinal);
    }
}
