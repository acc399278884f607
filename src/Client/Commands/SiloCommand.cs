using System.CommandLine;
using System.Diagnostics;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Commands;
using Slowrun.Fleet.Silos;

namespace Slowrun.Client.Commands;

/// <summary><c>silo</c>: the silo's program in the foreground.</summary>
internal static class SiloCommand
{
    // A supervisor waits for the command's end; the next owner can do without the note.
    private static readonly TimeSpan NoteWithin = TimeSpan.FromSeconds(5);

    public static Command Create(ClientContext context, CommonOptions common)
    {
        Option<string>[] passed =
        [
            .. SiloCommandOptions.All.Select(declared => new Option<string>(declared.Name)
            {
                Description = declared.Description,
                HelpName = declared.HelpName,
                Arity =
                    declared.MayRepeat ? ArgumentArity.OneOrMore
                    : declared.ValueIsOptional ? ArgumentArity.ZeroOrOne
                    : ArgumentArity.ExactlyOne,
            }),
        ];
        var command = new Command("silo", "Serves a store until it is stopped: trains what its runs have ready.");
        foreach (var option in passed)
        {
            command.Options.Add(option);
        }

        command.SetAction(
            async (parsed, stop) =>
            {
                string[] arguments =
                [
                    "silo",
                    "--store",
                    parsed.GetRequiredValue(common.Store),
                    .. Log(parsed.GetRequiredValue(common.Store), context.Time),
                    .. passed.SelectMany(option =>
                        parsed.GetResult(option) is not { } given ? Array.Empty<string>()
                        : given.Tokens.Count == 0 ? [option.Name]
                        : given.Tokens.SelectMany(token => new[] { option.Name, token.Value })
                    ),
                ];
                var kills = KernelMemory.Kills();
                var (processId, exitCode) = await StartAsync(arguments, stop);
                if (exitCode != 0)
                {
                    await TellEndAsync(
                        context,
                        parsed.GetRequiredValue(common.Store),
                        processId,
                        SiloEnd.Of(exitCode, KernelMemory.Kills() > kills)
                    );
                }

                return exitCode;
            }
        );
        return command.WithExamples(
            "slowrun silo --store azblob://account/container",
            "slowrun silo --store s3://bucket/prefix",
            "slowrun silo --slots cpu:2 --name spare",
            "slowrun silo --preemption auto --exit-when-idle 10m"
        );
    }

    /// <summary>Runs the silo's program with our own output, and ends when it ends. Also for its other commands.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken stop) =>
        (await StartAsync(arguments, stop)).ExitCode;

    /// <summary>Notes for the next owners of the silo's stages whether it crashed. Best effort: the store may be the cause of the
    /// end. What a silo refuses it has told itself, and that is all that is said.</summary>
    private static async Task TellEndAsync(ClientContext context, string address, int processId, SiloEnd end)
    {
        var refused = end.ExitCode is ExitCode.Failed or ExitCode.Usage;
        var tell = refused ? TextWriter.Null : context.Error;
        await tell.WriteLineAsync($"slowrun: the silo's process {processId} {end}.");
        try
        {
            using var limit = new CancellationTokenSource(NoteWithin, context.Time);
            await Task.Run(() => NoteAsync(context, address, processId, end, limit.Token), CancellationToken.None).WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await tell.WriteLineAsync($"slowrun: that could not be noted in '{address}': the store does not answer.");
        }
        catch (Exception e) when (e is IOException or CliException or InvalidDataException or NotFoundException or InvalidRequestException)
        {
            await tell.WriteLineAsync($"slowrun: that could not be noted in '{address}': {e.Message}");
        }
    }

    /// <summary>The option that names a log file where <c>logs</c> finds it; empty where no file can be made there.</summary>
    private static string[] Log(string store, TimeProvider time)
    {
        try
        {
            // A directory that is no store yet is made by the silo.
            return ["--log", SiloLogs.NewName(store, time.GetUtcNow())];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static async Task NoteAsync(ClientContext context, string address, int processId, SiloEnd end, CancellationToken stop) =>
        await new SiloEnds(await context.OpenStoreAsync(address, create: false, stop)).RecordAsync(processId, end, stop);

    private static async Task<(int ProcessId, int ExitCode)> StartAsync(IReadOnlyList<string> arguments, CancellationToken stop)
    {
        var program = SiloProgram.Find();
        var serves = arguments[0] == "silo";
        var start = new ProcessStartInfo(
            program.FileName,
            [.. program.Arguments, .. arguments, .. serves ? ["--parent-pipe"] : Array.Empty<string>()]
        )
        {
            RedirectStandardInput = true,
        };
        using var process = Process.Start(start) ?? throw new CliException(ExitCode.Failed, $"'{program.FileName}' did not start.");
        // The end of its input asks the silo to commit and stop; so does our own end, however it comes.
        await using var stopping = stop.Register(process.StandardInput.Close);
        await process.WaitForExitAsync(CancellationToken.None);
        return (process.Id, process.ExitCode);
    }
}
