using System.Diagnostics;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Programs whose standard error is closed, as some service managers have it.</summary>
[Collection(Cli.Waiting)]
public sealed class ClosedOutputTests
{
    [Theory]
    [InlineData("spec show nothing", 3)]
    [InlineData("spec nonsense", 2)]
    [InlineData("spec show micro", 0)]
    [InlineData("silo --slots nonsense", 2)]
    public async Task Command_WithNobodyToTellItsErrorTo_EndsWithItsOwnExitCode(string command, int exitCode)
    {
        using var store = new TemporaryStore();
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"exec dotnet \"$0\" {command} 2>&-");
        start.ArgumentList.Add(Cli.ClientPath);
        start.Environment["SLOWRUN_STORE"] = store.Path;
        start.Environment["SLOWRUN_SILO"] = Cli.SiloPath;
        using var process = Process.Start(start)!;

        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(exitCode, process.ExitCode);
    }
}
