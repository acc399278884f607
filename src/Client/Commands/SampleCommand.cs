using System.Buffers;
using System.CommandLine;
using System.Text;
using Slowrun.Client.Cli;
using Slowrun.Client.Results;
using Slowrun.Core.Inference;
using Slowrun.Core.Plan;
using Slowrun.Data.Tokenizers;
using Slowrun.Fleet.Silos;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>sample</c>: text by a finished stage, or by a run's ensemble, as it is generated.</summary>
internal static class SampleCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var target = CommonOptions.Target();
        var ensemble = new Option<bool>("--ensemble")
        {
            Description = "By the run's ensemble, its predictions mixed at every token; --members and --select choose another mixture.",
        };
        var mixture = new MixtureOptions();
        var sampling = new SamplingOptions();
        var output = CommonOptions.Output();
        var command = new Command("sample", "Writes text by a trained model, or by an ensemble.") { target, ensemble };
        mixture.AddTo(command);
        sampling.AddTo(command);
        command.Options.Add(output);
        command.SetAction(
            async (parsed, stop) =>
            {
                var address = parsed.GetRequiredValue(common.Store);
                var (store, whom, reader) = await NamedRun.OpenAsync(context, common, parsed, target, stop);
                var facts = await reader.FactsAsync(whom.Run, stop);
                var mixes = parsed.GetValue(ensemble) || mixture.AnyGiven(parsed);
                if (mixes && whom.Stage is not null)
                {
                    throw new CliException(
                        ExitCode.Usage,
                        $"'{whom}' is one stage, and --ensemble, --members and --select mix several. Name the run alone: '{whom.Run}'."
                    );
                }

                if (!mixes && whom.Stage is null)
                {
                    throw new CliException(
                        ExitCode.Usage,
                        $"'{whom.Run}' is a whole run: say --ensemble, or name one of its stages, for example {whom.Run}/{facts.Plan.Stages[0].Id}."
                    );
                }

                var chosen = mixes ? await new MixtureChooser(context, store, facts).ChooseAsync(mixture.Read(parsed, facts), stop) : null;
                IReadOnlyList<SampledStage> members = chosen is null
                    ? [new SampledStage(FinishedStage.Of(facts, whom).Id, 1)]
                    : [.. chosen.Mixed.Select(member => new SampledStage(member.Stage, member.Weight))];
                var tokenizer = await TokenizerAsync(store, facts, stop);
                var request = sampling.Read(parsed) with
                {
                    Run = whom.Run,
                    Members = members,
                    Average = facts.Spec.Recipe.Ensemble.Average,
                    End = tokenizer.DocumentStart,
                    Prompt = Ids(tokenizer, sampling.Prompt(parsed)),
                };
                return parsed.GetValue(output) == OutputFormat.Json
                    ? await ToJsonAsync(context, address, request, sampling.Prompt(parsed), tokenizer, stop)
                    : await StreamAsync(context, address, request, sampling.Prompt(parsed), tokenizer, stop);
            }
        );
        return command.WithExamples(
            "slowrun sample demo/chain0/stage1 --prompt 'Returns the '",
            "slowrun sample demo --ensemble --tokens 400 --temperature 0.8 --top-k 40 --seed 7",
            "slowrun sample demo --members chain0/stage1,chain1/stage2 -o json | jq -r .text"
        );
    }

    private static async Task<int> StreamAsync(
        ClientContext context,
        string address,
        SamplingRequest request,
        string prompt,
        TextTokenizer tokenizer,
        CancellationToken stop
    )
    {
        var text = new TokenText(tokenizer);
        await context.Output.WriteAsync(prompt);
        await context.Output.FlushAsync(stop);
        try
        {
            await foreach (var answer in TokensAsync(context, address, request, stop))
            {
                await context.Output.WriteAsync(text.Add(answer.Token));
                await context.Output.FlushAsync(CancellationToken.None);
            }
        }
        finally
        {
            // Also after Ctrl-C: what was written ends with its line.
            await context.Output.WriteLineAsync(text.End());
        }

        return ExitCode.Done;
    }

    private static async Task<int> ToJsonAsync(
        ClientContext context,
        string address,
        SamplingRequest request,
        string prompt,
        TextTokenizer tokenizer,
        CancellationToken stop
    )
    {
        var (decoder, text, ids) = (new TokenText(tokenizer), new StringBuilder(), new List<int>());
        var from = context.Time.GetTimestamp();
        await foreach (var answer in TokensAsync(context, address, request, stop))
        {
            ids.Add(answer.Token);
            text.Append(decoder.Add(answer.Token));
        }

        text.Append(decoder.End());
        await context.Output.WriteLineAsync(
            Json.Text(
                new
                {
                    request.Run,
                    request.Members,
                    request.Average,
                    Prompt = prompt,
                    Text = text.ToString(),
                    Tokens = ids,
                    Ended = ids.Count > 0 && ids[^1] == request.End ? "document" : "tokens",
                    request.Temperature,
                    request.TopK,
                    request.Seed,
                    Seconds = context.Time.GetElapsedTime(from).TotalSeconds,
                }
            )
        );
        return ExitCode.Done;
    }

    private static IAsyncEnumerable<SampledToken> TokensAsync(
        ClientContext context,
        string address,
        SamplingRequest request,
        CancellationToken stop
    ) => SiloJob.AskAsync<SamplingRequest, SampledToken>(context.AskSilo, "sample", address, request, stop);

    private static async Task<TextTokenizer> TokenizerAsync(IObjectStore store, RunFacts facts, CancellationToken stop)
    {
        var name = (await new StoredTokenSets(store).ReadManifestAsync(facts.Spec.Recipe.Data.Sha256!, stop)).Tokenizer;
        return TextTokenizer.Find(name)
            ?? throw new CliException(
                ExitCode.Failed,
                $"The run's tokenizer is '{name}', which is none of {string.Join(", ", TextTokenizer.Names)}: its tokens cannot be written as text here."
            );
    }

    /// <summary>The beginning of a document, and the prompt.</summary>
    private static int[] Ids(TextTokenizer tokenizer, string prompt)
    {
        var ids = new ArrayBufferWriter<ushort>();
        if (prompt.Length > 0)
        {
            tokenizer.NewEncoder().Encode(Encoding.UTF8.GetBytes(prompt), ids);
        }

        return [tokenizer.DocumentStart, .. ids.WrittenSpan.ToArray().Select(id => (int)id)];
    }
}
