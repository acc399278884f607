using System.Diagnostics;
using System.Text;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A running client process.</summary>
internal sealed class CliProcess : IDisposable
{
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();

    public CliProcess(string store, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Cli.ClientPath);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["SLOWRUN_STORE"] = store;
        start.Environment["SLOWRUN_SILO"] = Cli.SiloPath;
        start.Environment["NO_COLOR"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        Process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        Process.OutputDataReceived += (_, line) => Keep(output, line.Data);
        Process.ErrorDataReceived += (_, line) => Keep(error, line.Data);
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    public Process Process { get; }

    public string Output => Read(output);

    public string Error => Read(error);

    public async Task<CliResult> EndAsync(CancellationToken cancellationToken)
    {
        await Process.WaitForExitAsync(cancellationToken);
        return new CliResult(Process.ExitCode, Output, Error);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
        {
            Process.Kill(entireProcessTree: true);
            Process.WaitForExit();
        }

        Process.Dispose();
    }

    private static void Keep(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
