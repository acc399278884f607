using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Results;
using Slowrun.Core;
using Slowrun.Core.Inference;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Data.Preparation;
using Slowrun.Fleet.Silos;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>eval RUN/STAGE</c>: a finished stage's loss on data of the user's choice, by the scorer that judges members.</summary>
internal static class EvalCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = new Argument<string>("RUN/STAGE") { Description = "A finished stage: demo/chain0/stage1." };
        var data = new Option<string>("--data")
        {
            Description = "Data that 'slowrun data prepare' made: its directory, or its hash in the store. Default: the run's own.",
            HelpName = "DIR|HASH",
        };
        var set = new Option<EvaluationSet>("--set") { Description = "Which of the data's sets.", HelpName = "validation|fitness|train" };
        var device = new Option<string>("--device")
        {
            Description = "cpu (all cores), cpu:N, or cuda:I.",
            DefaultValueFactory = _ => "cpu",
        };
        var output = CommonOptions.Output();
        var command = new Command("eval", "Evaluates a finished stage: its loss in nats per token and bits per byte.")
        {
            target,
            data,
            set,
            device,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var address = parsed.GetRequiredValue(common.Store);
                var (store, whom, reader) = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var facts = await reader.FactsAsync(whom.Run, stop);
                var stage = FinishedStage.Of(facts, whom);
                var request = await RequestAsync(store, facts, stage, parsed.GetValue(data), parsed.GetValue(set), stop);
                var from = context.Time.GetTimestamp();
                var answer = await AskAsync(context, address, request with { Device = parsed.GetRequiredValue(device) }, stop);
                var result = new
                {
                    Run = whom.Run,
                    Stage = stage.Id,
                    SnapshotSha256 = stage.Snapshot.Sha256,
                    Data = request.DataSha256,
                    Set = Word(request.Set),
                    answer.Tokens,
                    answer.LossNats,
                    answer.BitsPerByte,
                    Seconds = context.Time.GetElapsedTime(from).TotalSeconds,
                };
                await context.Output.WriteLineAsync(
                    parsed.GetValue(output) == OutputFormat.Json
                        ? Json.Text(result)
                        : string.Create(
                            CultureInfo.InvariantCulture,
                            $"{whom}: {answer.LossNats:0.0000} nats/token, {answer.BitsPerByte:0.0000} bits/byte on {Human.Count(answer.Tokens)} tokens of the {Word(request.Set)} set{(request.DataDirectory is { } path ? $" of {path}" : "")}"
                        )
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun eval demo/chain0/stage1",
            "slowrun eval demo/chain0/stage1 --data fineweb-100m",
            "slowrun eval demo/chain0/stage1 --set train --device cuda:0 -o json"
        );
    }

    private static async Task<EvaluationRequest> RequestAsync(
        IObjectStore store,
        RunFacts facts,
        FinishedStage stage,
        string? name,
        EvaluationSet set,
        CancellationToken stop
    )
    {
        var own = facts.Spec.Recipe.Data.Sha256!;
        var ownManifest = await new StoredTokenSets(store).ReadManifestAsync(own, stop);
        var given = name is null ? null : await NamedData.OpenAsync(name, () => Task.FromResult(store), stop);
        var manifest = given?.Manifest ?? ownManifest;
        Check(manifest, ownManifest, facts.Spec.Recipe, name ?? own, set);
        if (given is not null && SetOf(manifest, set) is { } tokens)
        {
            await DataFit.CheckTextAsync(
                name!,
                Word(set),
                tokens,
                given.ReadAsync,
                "Choose another set with --set, or give other data.",
                stop
            );
        }

        return new EvaluationRequest
        {
            Run = facts.Spec.Name,
            Stage = stage.Id,
            DataDirectory = name is not null && Directory.Exists(name) ? Path.GetFullPath(name) : null,
            DataSha256 = given?.Sha256 ?? own,
            Set = set,
        };
    }

    /// <summary>A loss on tokens that mean something else to the model would be a number without meaning.</summary>
    private static void Check(DataManifest manifest, DataManifest own, Recipe recipe, string name, EvaluationSet set)
    {
        if (
            manifest.Tokenizer != own.Tokenizer
            || manifest.TokenizerSha256 != own.TokenizerSha256
            || manifest.VocabSize > recipe.Model.VocabSize
        )
        {
            throw new CliException(
                ExitCode.Usage,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The data '{name}' is of {manifest.VocabSize} token ids by the tokenizer {manifest.Tokenizer}, the model was trained on {recipe.Model.VocabSize} by {own.Tokenizer}. Prepare it with --tokenizer {own.Tokenizer}."
                )
            );
        }

        var sets = new[]
        {
            (EvaluationSet.Validation, manifest.Validation),
            (EvaluationSet.Fitness, manifest.Fitness),
            (EvaluationSet.Train, manifest.Train),
        };
        if (SetOf(manifest, set) is null)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The data '{name}' has no {Word(set)} set; it has {string.Join(" and ", sets.Where(one => one.Item2 is not null).Select(one => Word(one.Item1)))} (--set)."
            );
        }
    }

    private static StoredTokens? SetOf(DataManifest manifest, EvaluationSet set) =>
        set switch
        {
            EvaluationSet.Validation => manifest.Validation,
            EvaluationSet.Fitness => manifest.Fitness,
            _ => manifest.Train,
        };

    private static async Task<EvaluationAnswer> AskAsync(
        ClientContext context,
        string address,
        EvaluationRequest request,
        CancellationToken stop
    )
    {
        var last = new EvaluationAnswer(0, 0);
        await using var remarks = new Remarks(
            context,
            () => last.Tokens == 0 ? null : $"Judged {Human.Count(last.Judged)} of {Human.Count(last.Tokens)} tokens"
        );
        await foreach (var answer in SiloJob.AskAsync<EvaluationRequest, EvaluationAnswer>(context.AskSilo, "eval", address, request, stop))
        {
            last = answer;
        }

        return last.LossNats is not null
            ? last
            : throw new InvalidDataException("The silo's program ended without a result. 'slowrun doctor' checks this machine.");
    }

    private static string Word(EvaluationSet set) => set.ToString().ToLowerInvariant();
}
