using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Imports;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>import PATH…</c>: a run of models that were trained elsewhere. They are judged, mixed, exported and learnt from like those
/// of any run.</summary>
internal static class ImportCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var paths = new Argument<string[]>("PATH")
        {
            Description =
                "Weights: a safetensors file, a file of torch.save (no code of it is run), or a folder that 'slowrun export' has written. Each model becomes a chain of one stage.",
            Arity = ArgumentArity.OneOrMore,
        };
        var like = new Option<string>("--spec")
        {
            Description =
                "What the models are: a preset's name or a file, of which the model, and how a stage passes it, count. Needed for files; a folder says it itself.",
            HelpName = "SPEC",
        };
        var options = new SpecOptions(context, "The run's name; default: the first file's or folder's.");
        var data = new DataOptions(
            "UTF-8 text files of which the models are judged.",
            "Data that 'slowrun data prepare' made, or its hash: the models are judged on its validation set. Default: what a folder's models were trained on, if the store has it."
        );
        var command = new Command("import", "Makes a run of models trained elsewhere, as members of an ensemble or as teachers.")
        {
            paths,
            like,
        };
        options.AddOverridesTo(command);
        data.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var sources = parsed.GetRequiredValue(paths).SelectMany(ModelSource.Of).ToList();
                var overrides = Named(options.Overrides(parsed), parsed.GetRequiredValue(paths)[0]);
                var given = data.Read(parsed, overrides.Set);
                var spec = Spec(sources, parsed.GetValue(like), overrides);
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: true, stop);
                given = await WithTheirDataAsync(store, sources, parsed.GetValue(like), given, stop);
                await CheckNameAsync(store, spec.Name, stop);
                var chains = new List<ChainRecipe>();
                foreach (var source in sources)
                {
                    chains.Add(await ChainAsync(context, store, source, spec, stop));
                }

                spec = ImportedRun.Of(spec, chains);
                var code = await SubmitCommand.SubmitAsync(context, store, spec, given, stop);
                await context.Output.WriteLineAsync(
                    $"Once they are judged, they teach: slowrun distill {spec.Name} --into SPEC. As a member beside models that another spec trains: a chain with imported: [{chains[0].Imported![0]}]."
                );
                return code;
            }
        );
        return command.WithExamples(
            "slowrun import exported/ --name theirs",
            "slowrun import model_0.pt model_1.pt --spec slowrun-10x --name upstream --data tokens/",
            "slowrun import weights.safetensors --spec mine.yaml"
        );
    }

    private static SpecOverrides Named(SpecOverrides overrides, string path) =>
        overrides with
        {
            Name =
                overrides.Name
                ?? ImportedRun.NameOf(path)
                ?? throw new CliException(ExitCode.Usage, $"'{path}' cannot name a run; {RunNames.Expected}. Give one with --name."),
        };

    private static RunSpec Spec(List<ModelSource> sources, string? like, SpecOverrides overrides)
    {
        var told = sources.Where(source => source.Said is not null).ToList();
        if (like is null && (told.Count < sources.Count))
        {
            var silent = sources.First(source => source.Said is null).Path;
            throw new CliException(
                ExitCode.Usage,
                $"'{silent}' does not say what model it is of; name a spec that does with --spec: a preset ('slowrun spec list') or a file."
            );
        }

        var spec = like is null ? ImportedRun.OfModel(told[0].Said!.Model, told[0].Path, overrides) : SpecSource.Read(like, overrides);
        foreach (var source in told)
        {
            if (SpecDifferences.Between(source.Said!.Model, spec.Recipe.Model, "recipe.model") is { Count: > 0 } differences)
            {
                throw new InvalidRequestException(
                    $"'{source.Path}' is of another model than {(like is null ? $"'{told[0].Path}'" : $"the spec '{like}'")}, and all models of a run are of one:"
                        + string.Concat(differences.Select(difference => $"\n  {difference}"))
                );
            }
        }

        return spec;
    }

    /// <summary>Where nobody names data, those that the models were trained on are at hand or have to be named.</summary>
    private static async Task<GivenData> WithTheirDataAsync(
        IObjectStore store,
        List<ModelSource> sources,
        string? like,
        GivenData given,
        CancellationToken stop
    )
    {
        if (like is not null || given.Prepared is not null || given.TextFiles.Count > 0)
        {
            return given;
        }

        return
            sources.Select(source => source.DataSha256).Distinct().ToList() is [{ } theirs]
            && await new StoredTokenSets(store).HasAsync(theirs, stop)
            ? given with
            {
                Prepared = theirs,
            }
            : throw new CliException(
                ExitCode.Usage,
                $"The models are judged on text, and what they were trained on is not in '{store.Address}'. Name data with --data DIR or --data HASH, or a spec with --spec."
            );
    }

    /// <summary>Before gigabytes are uploaded under the name.</summary>
    private static async Task CheckNameAsync(IObjectStore store, string name, CancellationToken stop)
    {
        var there = await new RunDocuments(store, name).TryReadSpecAsync(stop);
        if (there is null)
        {
            await new RunNaming(store).CheckFreeAsync(name, stop);
        }

        if (there is not null && there.Recipe.Chains.All(chain => chain.Imported is null))
        {
            throw new InvalidRequestException(
                $"Run '{name}' in '{store.Address}' is trained, not imported. Give another name with --name."
            );
        }
    }

    private static async Task<ChainRecipe> ChainAsync(
        ClientContext context,
        IObjectStore store,
        ModelSource source,
        RunSpec spec,
        CancellationToken stop
    )
    {
        var read = await source.ReadAsync(stop);
        var selection = ImportedRun.SelectionOf(read);
        var weights = ConformedWeights.Of(read, spec.Recipe.Model, selection, source.Path);
        var snapshot = await new SnapshotStore(store, spec.Name, context.Time).CreateAsync(weights.Tensors, stop);
        await context.Output.WriteLineAsync($"{source.Path}  {Human.Bytes(snapshot.LengthBytes)}  sha256 {snapshot.Sha256}");
        foreach (var note in weights.Notes)
        {
            await context.Error.WriteLineAsync(note);
        }

        return ImportedRun.Chain(snapshot.Sha256, spec.Recipe.Stage, source.Said, selection);
    }
}
