using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Tokens;
using Spectre.Console;

namespace Slowrun.Client.Display;

/// <summary>A line for each object that was verified; on a terminal also what is being read just now.</summary>
internal sealed class VerifyProgress(ClientContext context, bool quiet) : IAsyncDisposable
{
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? showing;
    private volatile StatusContext? status;

    public void Begin(VerifiedObject one)
    {
        if (quiet || !context.Interactive)
        {
            return;
        }

        var text = Markup.Escape($"reading {Subject(one)} ({Human.Bytes(one.LengthBytes)})");
        showing ??= context
            .Console.Status()
            .StartAsync(
                text,
                shown =>
                {
                    status = shown;
                    return ended.Task;
                }
            );
        if (status is { } shown)
        {
            shown.Status = text;
        }
    }

    public void End(VerifiedObject one)
    {
        if (quiet)
        {
            return;
        }

        context.Console.WriteLine($"{(one.Damage is null ? "ok     " : "DAMAGED")}  {Subject(one)}  {Human.Bytes(one.LengthBytes)}");
        if (one.Damage is not null)
        {
            context.Console.WriteLine($"         {one.Damage}");
            context.Console.WriteLine($"         What to do: {one.Advice}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        ended.TrySetResult();
        await (showing ?? Task.CompletedTask);
    }

    private static string Subject(VerifiedObject one) =>
        one.What switch
        {
            LedgerState.Root => $"{one.Stage} root",
            LedgerState.Snapshot => $"{one.Stage} snapshot",
            LedgerState.Spec
            or LedgerState.Operations
            or LedgerState.Intent
            or LedgerState.Events
            or LedgerState.Ensemble
            or LedgerState.Names =>
                $"{one.What.ToString().ToLowerInvariant()}{(one.Name.EndsWith(".copy", StringComparison.Ordinal) ? " (copy)" : "")}",
            LedgerState.Data => $"data {one.Name[DataPaths.Folder.Length..][..12]}",
            LedgerState.Score => $"{one.Stage?.ToString() ?? "a"} score",
            LedgerState.Teacher => $"{one.Stage} is taught by {one.Name}",
            LedgerState.Current => $"{one.Stage} step {Human.Count(one.Step)}",
            _ => $"{one.Stage} step {Human.Count(one.Step)} (previous)",
        };
}
