using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Results;
using Slowrun.Client.Results.Transformers;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Storage;

namespace Slowrun.Client.Commands;

/// <summary><c>export RUN</c>: finished stages' weights as safetensors, with upstream's tensor names and bytes that depend on the weights
/// alone.</summary>
internal static class ExportCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var folder = new Option<DirectoryInfo>("--out")
        {
            Description = "The folder to write all finished stages to; made if absent.",
            HelpName = "DIR",
        };
        var ensemble = new Option<DirectoryInfo>("--ensemble")
        {
            Description =
                "Instead: the folder to write the ensemble to, its members and their weights; --members and --select choose another mixture.",
            HelpName = "DIR",
        };
        var type = new Option<WeightType>("--dtype")
        {
            Description = "f32: as they were trained. bf16: rounded to the nearest, half the size.",
            HelpName = "f32|bf16",
        };
        var format = new Option<ExportFormat>("--format")
        {
            Description =
                "slowrun: safetensors files with a config.json. hf: folders for Hugging Face's transformers (trust_remote_code), with tokenizer, code and model card: DIR is the model of RUN/STAGE, or has a folder for each stage of RUN.",
            HelpName = "slowrun|hf",
        };
        var mixture = new MixtureOptions();
        var command = new Command(
            "export",
            "Writes the weights of finished stages as safetensors files, with a config.json that describes them."
        )
        {
            target,
            folder,
            ensemble,
            type,
            format,
        };
        mixture.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                if (parsed.GetValue(folder) is null == parsed.GetValue(ensemble) is null)
                {
                    throw new CliException(ExitCode.Usage, "export takes --out DIR or --ensemble DIR, one of them.");
                }

                var path = (parsed.GetValue(folder) ?? parsed.GetValue(ensemble))!.FullName;
                var option = parsed.GetValue(folder) is not null ? "--out" : "--ensemble";
                OutputPaths.CheckFolder(path, option);
                var (store, whom, reader) = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var facts = await reader.FactsAsync(whom.Run, stop);
                whom.CheckIsIn(facts);
                var dtype = parsed.GetValue(type) == WeightType.Bf16 ? ElementType.BF16 : ElementType.F32;
                var plain = new ExportFolder(context, store, facts, path, dtype);
                var transformers =
                    parsed.GetValue(format) == ExportFormat.Hf ? new TransformersExport(context, store, facts, path, dtype) : null;
                if (parsed.GetValue(ensemble) is not null)
                {
                    await OutputPaths.WriteAsync(
                        path,
                        option,
                        () => EnsembleAsync(context, store, facts, whom, mixture.Read(parsed, facts), plain, transformers, stop)
                    );
                    return ExitCode.Done;
                }

                if (mixture.AnyGiven(parsed))
                {
                    throw new CliException(
                        ExitCode.Usage,
                        "--members and --select choose the mixture that --ensemble DIR exports; --out exports every finished stage."
                    );
                }

                await OutputPaths.WriteAsync(path, option, () => StagesAsync(context, facts, whom, plain, transformers, stop));
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun export demo --out weights",
            "slowrun export demo/chain0/stage1 --out weights --dtype bf16",
            "slowrun export demo --ensemble demo-ensemble --select 8",
            "slowrun export demo/chain0/stage1 --format hf --out demo-hf"
        );
    }

    private static async Task StagesAsync(
        ClientContext context,
        RunFacts facts,
        Target whom,
        ExportFolder plain,
        TransformersExport? transformers,
        CancellationToken stop
    )
    {
        var stages = facts.Plan.Stages.Select(stage => stage.Id).Where(id => whom.Stage is null || whom.Stage == id).ToList();
        var finished = stages.Where(id => facts.RootOf(id).Finished).ToList();
        if (finished.Count == 0)
        {
            throw new CliException(
                ExitCode.Failed,
                $"No stage of '{whom}' has finished, so there are no weights to export. 'slowrun status {whom.Run}' shows how far it is."
            );
        }

        await (
            transformers is null ? plain.WriteAsync(finished, stop)
            : whom.Stage is null ? transformers.WriteStagesAsync(finished, stop)
            : transformers.WriteStageAsync(finished[0], stop)
        );
        if (finished.Count < stages.Count)
        {
            await context.Error.WriteLineAsync($"{finished.Count} of {stages.Count} stages have finished; the others are not exported.");
        }
    }

    private static async Task EnsembleAsync(
        ClientContext context,
        IObjectStore store,
        RunFacts facts,
        Target whom,
        MixtureRequest request,
        ExportFolder plain,
        TransformersExport? transformers,
        CancellationToken stop
    )
    {
        if (whom.Stage is not null)
        {
            throw new CliException(
                ExitCode.Usage,
                $"'{whom}' is one stage, and --ensemble exports several. Name the run alone: '{whom.Run}'."
            );
        }

        var chosen = await new MixtureChooser(context, store, facts).ChooseAsync(request, stop);
        // For averaged logits only the mixture that the run computed has a loss; any other is exported without one.
        var known = chosen.Average == EnsembleAverage.Probabilities || request.IsOwn;
        var report = known ? await new MixtureJudge(context, store, facts).JudgeAsync(request, chosen, stop) : null;
        if (transformers is not null)
        {
            await transformers.WriteEnsembleAsync(chosen, report, stop);
        }
        else
        {
            var config = await plain.WriteAsync([.. chosen.Mixed.Select(member => member.Stage)], stop);
            await plain.WriteEnsembleAsync(EnsembleConfig.Of(config, chosen, report), stop);
        }

        var members = chosen.Mixed.Count();
        await context.Output.WriteLineAsync(
            report is null
                ? $"ensemble of {members}"
                : FormattableString.Invariant(
                    $"ensemble of {members}: {report.LossNats:0.0000} nats/token, {report.BitsPerByte:0.0000} bits/byte"
                )
        );
    }
}

internal enum ExportFormat
{
    Slowrun,
    Hf,
}

internal enum WeightType
{
    F32,
    Bf16,
}
