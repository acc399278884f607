using Slowrun.Fleet.Silos;

namespace Slowrun.Client.Tests.Commands;

public sealed class LogsCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Logs_OfNamedSilo_PrintsItsLinesWithoutTraces()
    {
        HaveLog("20261101-120000-000", 4711, "2026-11-01T12:00:00Z one", "   at Some.Method()", "2026-11-01T12:00:02Z two");
        HaveLog("20261101-120000-001", 4712, "2026-11-01T12:00:01Z other");

        Assert.Equal(0, await RunAsync("logs", $"{Environment.MachineName}-4711"));
        Assert.Equal("2026-11-01T12:00:00Z one\n2026-11-01T12:00:02Z two\n", cli.Output);

        Assert.Equal(0, await RunAsync("logs", $"{Environment.MachineName}-4711", "--verbose", "--tail", "2"));
        Assert.Equal("   at Some.Method()\n2026-11-01T12:00:02Z two\n", cli.Output);
    }

    [Fact]
    public async Task Logs_WithoutAName_PrintsTheLastThatWasAlive()
    {
        HaveLog("20261101-120000-000", 4711, "2026-11-01T12:00:00Z old");
        HaveLog("20261101-120500-000", 4712, "2026-11-01T12:05:00Z new");

        Assert.Equal(0, await RunAsync("logs"));
        Assert.Equal($"{Environment.MachineName}-4712  2026-11-01T12:05:00Z new\n", cli.Output);
    }

    [Fact]
    public async Task Logs_OfASiloOfAnotherMachine_SaysWhereItIs()
    {
        await cli.HaveSilosAsync("gpu-3");

        Assert.Equal(1, await cli.RunAsync("logs", "gpu-3"));
        Assert.Contains(
            "'gpu-3' runs on another machine (127.0.0.1:2): its log is in that machine's journal, 'journalctl -u slowrun-silo'",
            cli.Error,
            StringComparison.Ordinal
        );
        Assert.Equal(3, await cli.RunAsync("logs", "gpu3"));
        Assert.Contains("Did you mean 'gpu-3'?", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_OfAStoreThatNobodyServed_SaysWhoWouldLeaveSome()
    {
        Assert.Equal(3, await RunAsync("logs"));
        Assert.Contains("No silo of", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await RunAsync("logs", "--tail", "-1"));
    }

    [Fact]
    public void LogPrinter_OfSeveralLogsThatGrow_PrintsWholeLinesInTheOrderOfTheirTimes()
    {
        var (a, b) = (HaveLog("a", 1, "2026-11-01T12:00:01.000Z one", "  still one"), HaveLog("b", 2, "2026-11-01T12:00:00.000Z zero"));
        using var output = new StringWriter();
        var printer = new LogPrinter(output, traces: false, names: true);
        SiloLog[] logs = [new("A", a, 1, true), new("B", b, 2, true)];
        printer.Print(logs, tail: null);
        Assert.Equal("B  2026-11-01T12:00:00.000Z zero\nA  2026-11-01T12:00:01.000Z one\nA    still one\n", output.ToString());

        File.AppendAllText(a, "2026-11-01T12:00:02.000Z a li");
        printer.Print(logs, tail: null);
        File.AppendAllText(a, "ne ü\n");
        printer.Print(logs, tail: null);

        Assert.EndsWith("still one\nA  2026-11-01T12:00:02.000Z a line ü\n", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void LogPrinter_OfALogThatIsSkipped_PrintsWhatIsAddedOnly()
    {
        var file = HaveLog("a", 1, "2026-11-01T12:00:01.000Z old");
        using var output = new StringWriter();
        var printer = new LogPrinter(output, traces: false, names: false);
        SiloLog[] logs = [new("A", file, 1, true)];

        printer.Skip(logs);
        File.AppendAllText(file, "2026-11-01T12:00:02.000Z new\n");
        printer.Print(logs, tail: null);

        Assert.Equal("2026-11-01T12:00:02.000Z new\n", output.ToString());
    }

    private string HaveLog(string time, int process, params string[] lines) =>
        folder.Write($"store/.logs/silo-{time}-{process}.log", string.Concat(lines.Select(line => line + "\n")));

    private Task<int> RunAsync(params string[] arguments)
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, "store"));
        return cli.RunAsync([.. arguments, "--store", Path.Combine(folder.Path, "store")]);
    }
}
