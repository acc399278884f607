using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>checkpoints list|verify|gc|repair RUN</c>: what each stage can go on from, whether it is whole, and what is no longer
/// needed.</summary>
internal static class CheckpointsCommand
{
    public static Command Create(ClientContext context, CommonOptions common) =>
        new Command("checkpoints", "Lists, verifies and cleans up a run's checkpoints, and repairs damaged documents.")
        {
            List(context, common),
            Verify(context, common),
            Collect(context, common),
            CheckpointsRepair.Create(context, common),
        }.WithExamples("slowrun checkpoints list demo", "slowrun checkpoints verify demo");

    private static Command List(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = CommonOptions.Output();
        var command = new Command("list", "Lists the checkpoints that a run's stages can go on from.") { target, output };
        command.SetAction(
            async (parsed, stop) =>
            {
                var (store, whom, spec) = await OpenAsync(context, common, parsed, target, stop);
                var documents = new RunDocuments(store, whom.Run);
                var checkpoints = new List<ListedCheckpoint>();
                var damaged = 0;
                foreach (var stage in Stages(spec, whom))
                {
                    try
                    {
                        var root = await documents.TryReadRootAsync(stage, stop);
                        checkpoints.AddRange(
                            new[] { ("current", root?.Current), ("previous", root?.Previous) }
                                .Where(pair => pair.Item2 is not null)
                                .Select(pair => ListedCheckpoint.Of(stage, pair.Item1, pair.Item2!))
                        );
                    }
                    catch (InvalidDataException e)
                    {
                        damaged++;
                        await context.Error.WriteLineAsync(
                            $"slowrun: {stage} is left out: {e.Message} 'slowrun checkpoints repair {whom.Run}/{stage}' recovers it."
                        );
                    }
                }

                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(checkpoints));
                }
                else
                {
                    context.Console.Print(Table(checkpoints, context.Time.GetUtcNow()));
                }

                return damaged == 0 ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples("slowrun checkpoints list demo", "slowrun checkpoints list demo/chain0/stage1");
    }

    private static Command Verify(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = CommonOptions.Output();
        var command = new Command(
            "verify",
            "Reads all that a run depends on (data, documents, teachers, checkpoints, snapshots, scores), and compares it with its hashes. Exit code 1: something is damaged."
        )
        {
            target,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var (store, whom, spec) = await OpenAsync(context, common, parsed, target, stop);
                var json = parsed.GetValue(output) == OutputFormat.Json;
                var verified = new List<VerifiedObject>();
                await using (var progress = new VerifyProgress(context, quiet: json))
                {
                    await foreach (
                        var one in new RunVerification(store, spec).VerifyAsync(whom.Stage, progress.Begin, stop).WithCancellation(stop)
                    )
                    {
                        verified.Add(one);
                        progress.End(one);
                    }
                }

                var damaged = verified.Count(one => one.Damage is not null);
                if (json)
                {
                    await context.Output.WriteLineAsync(
                        Json.Text(
                            verified.Select(one => new
                            {
                                Stage = one.Stage?.ToString(),
                                What = Word(one),
                                one.Step,
                                one.LengthBytes,
                                one.Name,
                                Ok = one.Damage is null,
                                one.Damage,
                                one.Advice,
                            })
                        )
                    );
                }
                else
                {
                    await context.Output.WriteLineAsync(
                        damaged == 0
                            ? $"All {verified.Count} are whole, {Human.Bytes(verified.Sum(one => one.LengthBytes))}."
                            : $"{damaged} of {verified.Count} damaged."
                    );
                }

                return damaged == 0 ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples("slowrun checkpoints verify demo", "slowrun checkpoints verify demo/chain0/stage1 -o json");
    }

    private static Command Collect(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = CommonOptions.Output();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be deleted." };
        var command = new Command(
            "gc",
            "Deletes checkpoints and snapshots that no root names and no owner may be about to commit. Safe while silos work; they clean up their own stages themselves."
        )
        {
            target,
            output,
            dryRun,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var (store, whom, spec) = await OpenAsync(context, common, parsed, target, stop);
                var dry = parsed.GetValue(dryRun);
                var deleted = await new CheckpointInventory(store, whom.Run).CollectAsync(
                    [.. new RunPlan(spec.Recipe).Stages.Select(stage => stage.Id)],
                    whom.Stage,
                    spec.Operations.KeepCheckpoints,
                    dry,
                    stop
                );
                var bytes = deleted.Sum(entry => entry.LengthBytes);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(
                        Json.Text(
                            new
                            {
                                DryRun = dry,
                                LengthBytes = bytes,
                                Objects = deleted.Select(entry => new { entry.Name, entry.LengthBytes }),
                            }
                        )
                    );
                    return ExitCode.Done;
                }

                foreach (var entry in deleted)
                {
                    await context.Output.WriteLineAsync($"{Human.Bytes(entry.LengthBytes), 9}  {entry.Name}");
                }

                await context.Output.WriteLineAsync(
                    deleted.Count == 0
                        ? $"Nothing of '{whom}' is left over."
                        : $"{(dry ? "Would delete" : "Deleted")} {Human.Count(deleted.Count)} {(deleted.Count == 1 ? "object" : "objects")}, {Human.Bytes(bytes)}."
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun checkpoints gc demo --dry-run", "slowrun checkpoints gc demo");
    }

    /// <summary>Reads the spec alone: the roots may be what is damaged.</summary>
    private static async Task<(IObjectStore Store, Target Whom, RunSpec Spec)> OpenAsync(
        ClientContext context,
        CommonOptions common,
        ParseResult parsed,
        Argument<string> target,
        CancellationToken stop
    )
    {
        var (store, whom, reader) = await NamedRun.OpenAsync(context, common, parsed, target, stop);
        var spec = RunPaths.IsName(whom.Run) ? await new RunDocuments(store, whom.Run).TryReadSpecAsync(stop) : null;
        if (spec is null)
        {
            throw await reader.NoSuchRunAsync(whom.Run, stop);
        }

        whom.CheckIsIn(new RunFacts(spec));
        return (store, whom, spec);
    }

    private static List<StageId> Stages(RunSpec spec, Target whom) =>
        [.. new RunPlan(spec.Recipe).Stages.Select(stage => stage.Id).Where(id => whom.Stage is null || whom.Stage == id)];

    private static string Word(VerifiedObject one) => one.What.ToString().ToLowerInvariant();

    private static Table Table(IEnumerable<ListedCheckpoint> checkpoints, DateTimeOffset now)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("STAGE", "WHICH", "STEP", "TOKEN", "SIZE", "AGE", "MANIFEST");
        foreach (var c in checkpoints)
        {
            table.AddRow(
                c.Stage,
                c.Which,
                Human.Count(c.Step),
                Human.Count(c.EpochToken),
                Human.Bytes(c.LengthBytes),
                Human.Time(now - c.At),
                Markup.Escape(c.Manifest)
            );
        }

        return table;
    }

    private sealed record ListedCheckpoint(
        string Stage,
        string Which,
        int Step,
        long EpochToken,
        long LengthBytes,
        DateTimeOffset At,
        string Manifest
    )
    {
        public static ListedCheckpoint Of(StageId stage, string which, CheckpointRef checkpoint) =>
            new(
                stage.ToString(),
                which,
                checkpoint.Step,
                checkpoint.EpochToken,
                checkpoint.LengthBytes,
                checkpoint.At,
                checkpoint.Manifest
            );
    }
}
