using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>checkpoints repair RUN</c>: recovers damaged, lost or rolled-back documents, also where silos leave that to a
/// person.</summary>
internal static class CheckpointsRepair
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var output = CommonOptions.Output();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be done." };
        var command = new Command(
            "repair",
            "Recovers a run's damaged, lost or rolled-back documents: from their copies, and stages' roots from the newest whole checkpoint as well. Silos do so by themselves "
                + "where that cannot change a byte; this command also does what a person has to decide. Exit code 1: damage is left."
        )
        {
            target,
            output,
            dryRun,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var named = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var (store, whom, reader) = named;
                var facts = await named.FactsAsync(stop);
                var (json, dry) = (parsed.GetValue(output) == OutputFormat.Json, parsed.GetValue(dryRun));
                // A recovered root is dated, and the stage's ledger goes on from there.
                var time = dry ? context.Time : await StoreClock.OfAsync(store, context.Time, stop);
                var done = new List<Repaired>();
                // Roots are examined below, with the objects beside them. Where one stage is named, its root alone is examined.
                var documents = facts with
                {
                    Damage = [.. facts.Damage.Where(damage => damage.Stage is null && whom.Stage is null)],
                };
                done.AddRange(
                    dry
                        ? documents.Damage.Select(damage => new Repaired(null, damage.Name, $"{damage.Why} {damage.Advice}", false))
                        : (await new RunRepair(store, time).MendAsync(documents, cancellationToken: stop)).Select(what => new Repaired(
                            null,
                            null,
                            what,
                            true
                        ))
                );
                if (!dry)
                {
                    await new RunRepair(store, time).CopyAsync(whom.Run, stop);
                    await named.Reader.Naming.MendAsync(stop);
                }

                var recovery = new RootRecovery(store, whom.Run, time);
                foreach (var id in facts.Plan.Stages.Select(stage => stage.Id).Where(id => whom.Stage is null || whom.Stage == id))
                {
                    if (await recovery.LookAsync(id, stop) is not { } finding || (finding.Trouble is null && !finding.IsSafe))
                    {
                        continue;
                    }

                    var name = RunPaths.Root(whom.Run, id);
                    var risk = finding.IsSafe ? "" : $" {RootFinding.Risk}";
                    done.Add(
                        finding.Owner is { } owner && facts.AliveSilos.Contains(owner.Silo)
                            ? new Repaired(
                                id.ToString(),
                                name,
                                $"{finding.Trouble} Left alone: {owner.SiloName} trains the stage and writes its root again with the next commit.",
                                finding.Trouble is null
                            )
                            : new Repaired(id.ToString(), name, finding.Story + risk, !dry && await recovery.TryRecoverAsync(finding, stop))
                    );
                }

                var left = dry
                    ? done.Count
                    : (await reader.FactsAsync(whom.Run, stop)).Damage.Count(damage => whom.Stage is null || damage.Stage == whom.Stage);
                if (json)
                {
                    await context.Output.WriteLineAsync(
                        Json.Text(
                            new
                            {
                                DryRun = dry,
                                Found = done,
                                Left = left,
                            }
                        )
                    );
                }
                else
                {
                    foreach (var one in done)
                    {
                        await context.Output.WriteLineAsync(
                            $"{(one.Done ? "repaired" : dry ? "would   " : "left    ")}  {(one.Stage is null ? "" : $"{one.Stage}: ")}{one.What}"
                        );
                    }

                    await context.Output.WriteLineAsync(
                        done.Count == 0 && left == 0 ? $"Nothing of '{whom}' has to be repaired."
                        : left == 0 || dry ? ""
                        : $"{left} damaged documents are left: 'slowrun status {whom.Run}' says what to do."
                    );
                }

                return left == 0 || dry ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples(
            "slowrun checkpoints repair demo --dry-run",
            "slowrun checkpoints repair demo",
            "slowrun checkpoints repair demo/chain0/stage1"
        );
    }

    private sealed record Repaired(string? Stage, string? Name, string What, bool Done);
}
