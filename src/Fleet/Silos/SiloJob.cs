using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Slowrun.Core;

namespace Slowrun.Fleet.Silos;

/// <summary>Runs a job in the silo's program, which carries torch: a line of JSON in, lines of JSON out.</summary>
public static class SiloJob
{
    // Exit codes with which its error output is a message for users.
    private const int FailedCode = 1;
    private const int UsageCode = 2;

    // Enough of its error output for a message.
    private const int LongestErrorChars = 4096;

    /// <summary>The answers as they come.</summary>
    /// <param name="ask">Runs the silo's program with a command, the store and a line of JSON; returns the lines of its answer.</param>
    /// <param name="command">Of the silo's program.</param>
    /// <exception cref="InvalidRequestException">It refused the request; with its message.</exception>
    /// <exception cref="NotPossibleException">It failed; with its message.</exception>
    public static async IAsyncEnumerable<TAnswer> AskAsync<TRequest, TAnswer>(
        Func<string, string, string, CancellationToken, IAsyncEnumerable<string>> ask,
        string command,
        string store,
        TRequest request,
        [EnumeratorCancellation] CancellationToken stop
    )
    {
        var line = Encoding.UTF8.GetString(CanonicalJson.Serialize(request));
        await foreach (var answer in ask(command, store, line, stop))
        {
            yield return CanonicalJson.Deserialize<TAnswer>(
                Encoding.UTF8.GetBytes(answer),
                $"an answer of the silo's program to '{command}'"
            );
        }
    }

    /// <summary>The same by a process.</summary>
    public static async IAsyncEnumerable<string> RunAsync(
        string command,
        string store,
        string request,
        [EnumeratorCancellation] CancellationToken stop
    )
    {
        var program = SiloProgram.Find();
        var start = new ProcessStartInfo(program.FileName, [.. program.Arguments, command, "--store", store])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        using var process = Process.Start(start) ?? throw new NotPossibleException($"'{program.FileName}' did not start.");
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await WriteAsync(process, request);
            // The end of its input asks it to stop; the end of this process closes the input too.
            await using var stopping = stop.Register(() => Close(process));
            while (await process.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
            {
                yield return line;
            }

            await process.WaitForExitAsync(CancellationToken.None);
        }
        finally
        {
            // Also when the caller does not read the rest of the answer.
            Close(process);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        stop.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw Failed(command, process.ExitCode, await errors);
        }
    }

    private static async Task WriteAsync(Process process, string request)
    {
        try
        {
            await process.StandardInput.WriteAsync(request + "\n");
            await process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // It ended before it had read: its exit code and its last lines say why.
        }
    }

    private static void Close(Process process)
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The job has ended, and does not read the rest of the request.
        }
    }

    private static Exception Failed(string command, int exitCode, string errors)
    {
        var said = string.Join(
            '\n',
            errors.Split('\n').Where(line => line.Length > 0 && !line.TrimStart().StartsWith("at ", StringComparison.Ordinal))
        );
        said = said.Length > LongestErrorChars ? said[..LongestErrorChars] + "…" : said;
        if (exitCode is FailedCode or UsageCode && said.Length > 0)
        {
            return exitCode == UsageCode ? new InvalidRequestException(said) : new NotPossibleException(said);
        }

        var how =
            exitCode > 128
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"was ended by signal {exitCode - 128}{(exitCode == 137 ? ", perhaps because memory ran out" : "")}"
                )
                : string.Create(CultureInfo.InvariantCulture, $"ended with exit code {exitCode}");
        return new NotPossibleException(
            $"The silo's program {how} at '{command}'.{(said.Length > 0 ? $" It said:\n{said}" : " 'slowrun doctor' checks this machine.")}"
        );
    }
}
