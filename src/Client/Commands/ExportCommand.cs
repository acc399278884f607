using System.CommandLine;
using System.Security.Cryptography;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage;

namespace Slowrun.Client.Commands;

/// <summary><c>export RUN</c>: finished stages' weights as safetensors, with upstream's tensor names and bytes that depend on the weights alone.</summary>
internal static class ExportCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var folder = new Option<DirectoryInfo>("--out") { Description = "The folder to write to; made if absent.", HelpName = "DIR", Required = true };
        var command = new Command("export", "Writes the weights of finished stages as safetensors files.") { target, folder };
        command.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var whom = Target.Parse(parsed.GetRequiredValue(target));
            var facts = await new RunReader(store, context.Time).FactsAsync(whom.Run, stop);
            RunReader.CheckStage(facts, whom);
            var stages = facts.Plan.Stages.Select(stage => stage.Id).Where(id => whom.Stage is null || whom.Stage == id).ToList();
            var finished = stages.Where(id => facts.RootOf(id).Finished).ToList();
            if (finished.Count == 0)
            {
                throw new CliException(ExitCode.Failed, $"No stage of '{whom}' has finished, so there are no weights to export. 'slowrun status {whom.Run}' shows how far it is.");
            }

            var out_ = parsed.GetRequiredValue(folder).FullName;
            Directory.CreateDirectory(out_);
            foreach (var id in finished)
            {
                var snapshot = facts.RootOf(id).Snapshot!;
                var file = Path.Combine(out_, FileName(id));
                await CopyAsync(store, snapshot, file, stop);
                await context.Output.WriteLineAsync($"{file}  {Human.Bytes(snapshot.LengthBytes)}  sha256 {snapshot.Sha256}");
            }

            if (finished.Count < stages.Count)
            {
                await context.Error.WriteLineAsync($"{finished.Count} of {stages.Count} stages have finished; the others are not exported.");
            }

            return ExitCode.Done;
        });
        return command.WithExamples("slowrun export demo --out weights", "slowrun export demo/chain0/stage1 --out weights");
    }

    private static string FileName(StageId id) => $"{id.ToString().Replace('/', '-')}.safetensors";

    /// <summary>The file is whole under its name, or not there.</summary>
    private static async Task CopyAsync(IObjectStore store, SnapshotRef snapshot, string file, CancellationToken stop)
    {
        var temporary = $"{file}.part";
        try
        {
            await using (var source = await store.TryOpenAsync(snapshot.Name, cancellationToken: stop)
                ?? throw new InvalidDataException($"The snapshot '{snapshot.Name}' is missing from '{store.Address}'."))
            await using (var target = File.Create(temporary))
            {
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                var block = new byte[1 << 20];
                int read;
                while ((read = await source.ReadAsync(block, stop)) > 0)
                {
                    hash.AppendData(block, 0, read);
                    await target.WriteAsync(block.AsMemory(0, read), stop);
                }

                var found = Convert.ToHexStringLower(hash.GetCurrentHash());
                if (found != snapshot.Sha256)
                {
                    throw new InvalidDataException($"The snapshot '{snapshot.Name}' is damaged or was exchanged: its SHA-256 is {found}. Nothing was written to '{file}'.");
                }
            }

            File.Move(temporary, file, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
