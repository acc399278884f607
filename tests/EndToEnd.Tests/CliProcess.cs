using System.Diagnostics;
using System.Runtime.CompilerServices;
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
        // Of some seconds, most of them start-up: profiles of methods, and a second compilation of those that are called a few times,
        // cost a third of it and pay for nothing.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TC_CallCountThreshold"] = "300";
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

    /// <summary>Waits until the condition holds, while this process runs.</summary>
    /// <exception cref="Xunit.Sdk.XunitException">The process ended before it held, or it did not hold in time.</exception>
    public Task UntilAsync(Func<CancellationToken, Task<bool>> reached, [CallerArgumentExpression(nameof(reached))] string text = "") =>
        Until.HoldsAsync(
            async stop =>
            {
                // Before the look: what it did until its end is then seen.
                var ended = Process.HasExited;
                if (await reached(stop))
                {
                    return true;
                }

                Assert.False(ended, $"The process ended early: {Error}{Output}");
                return false;
            },
            () => $"{text}. What the process said: {Error}{Output}"
        );

    /// <summary>Waits until it looks for work.</summary>
    public Task ServesAsync() => UntilAsync(_ => Task.FromResult(Output.Contains("Serving with slots", StringComparison.Ordinal)));

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
