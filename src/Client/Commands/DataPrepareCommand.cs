using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Inputs;
using Slowrun.Client.Preparation;
using Slowrun.Client.Tokenizers;
using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>data prepare</c>: text, JSONL, Parquet or token shards to a directory of tokens, or straight into the store.</summary>
internal static class DataPrepareCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var input = new Option<string[]>("--input")
        {
            Description = "Files, or patterns with * and ?: .txt, .md (a file is a document), .jsonl, .parquet, .bin (llm.c, modded-nanogpt), each also as .gz or .zst; - for standard input.",
            HelpName = "PATH", Required = true, AllowMultipleArgumentsPerToken = true,
        };
        var folder = new Option<DirectoryInfo>("--out") { Description = "The directory to make. Without it the data goes straight into the store.", HelpName = "DIR" };
        var format = new Option<InputFormat?>("--format") { Description = "What the files hold, where their names do not say.", HelpName = "text|jsonl|parquet|bin" };
        var field = new Option<string>("--field") { Description = "The JSON field or Parquet column with the text.", DefaultValueFactory = _ => "text", HelpName = "NAME" };
        var tokenizer = new Option<string>("--tokenizer") { Description = "gpt2, or bytes.", DefaultValueFactory = _ => Gpt2Tokenizer.TokenizerName, HelpName = "gpt2|bytes" };
        tokenizer.AcceptOnlyFromAmong([.. TextTokenizer.Names]);
        var train = Tokens("--train-tokens", "Tokens to train on. Default: all that the other sets leave.");
        var validation = Tokens("--val-tokens", "Tokens to judge by, taken first.");
        var fitness = Tokens("--fitness-tokens", "Tokens to choose weights and members by, taken next.");
        var skipBad = new Option<bool>("--skip-bad") { Description = "Leaves out rows that are no documents, and counts them, instead of stopping at the first." };
        var threads = new Option<int?>("--threads") { Description = "Threads that tokenize; default: one a core. The result does not depend on it.", HelpName = "N" };
        threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1_024)
            {
                result.AddError("--threads: expected 1 to 1024.");
            }
        });
        var output = CommonOptions.Output();
        var command = new Command("prepare", "Makes token data of text, JSONL, Parquet or token shards.")
        {
            input, folder, format, field, tokenizer, train, validation, fitness, skipBad, threads, output,
        };
        command.SetAction(async (parsed, stop) =>
        {
            var files = InputFiles.Find(parsed.GetRequiredValue(input), parsed.GetValue(format));
            var name = parsed.GetRequiredValue(tokenizer);
            if (name != Gpt2Tokenizer.TokenizerName && files.FirstOrDefault(file => file.Format == InputFormat.Bin) is { } shard)
            {
                throw new CliException(ExitCode.Usage, $"'{shard.Path}' holds GPT-2's tokens, not text. Give --tokenizer {Gpt2Tokenizer.TokenizerName}, or the text that it was made of.");
            }

            var options = new PreparationOptions
            {
                Files = files,
                Tokenizer = TextTokenizer.Find(name)!,
                Field = parsed.GetRequiredValue(field),
                TrainTokens = parsed.GetValue(train),
                ValidationTokens = parsed.GetValue(validation) ?? 0,
                FitnessTokens = parsed.GetValue(fitness) ?? 0,
                SkipBad = parsed.GetValue(skipBad),
                Threads = parsed.GetValue(threads) ?? Environment.ProcessorCount,
                StandardInput = files[0].IsStandardInput ? context.Input() : Stream.Null,
            };
            var prepared = parsed.GetValue(folder) is { } directory
                ? await PrepareAsync(context, options, directory.FullName, stop)
                : await StoreAsync(context, options, parsed.GetRequiredValue(common.Store), stop);
            await TellSkippedAsync(context, prepared);
            var sha256 = CanonicalJson.Sha256(prepared.Manifest);
            await context.Output.WriteLineAsync(parsed.GetValue(output) == OutputFormat.Json
                ? Json.Text(new { sha256, prepared.SkippedRows, prepared.Manifest })
                : $"{Summary(prepared.Manifest)}\n{sha256}  {parsed.GetValue(folder)?.ToString() ?? parsed.GetRequiredValue(common.Store)}");
            return ExitCode.Done;
        });
        return command.WithExamples(
            "slowrun data prepare --input 'fineweb/*.parquet' --val-tokens 10000000 --train-tokens 100000000 --out fineweb-100m",
            "slowrun data prepare --input book.txt notes.txt --tokenizer bytes --val-tokens 65536 --out mine",
            "zcat texts.jsonl.gz | slowrun data prepare --input - --format jsonl --field body --val-tokens 100000 --store azblob://account/container");
    }

    private static Option<long?> Tokens(string name, string description)
    {
        var option = new Option<long?>(name) { Description = description, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long?>() is < 1)
            {
                result.AddError($"{name}: expected a number of tokens, at least 1.");
            }
        });
        return option;
    }

    private static async Task<PreparedDirectory> PrepareAsync(ClientContext context, PreparationOptions options, string directory, CancellationToken stop)
    {
        var progress = new InputProgress();
        await using (new PreparationProgress(context, options, progress))
        {
            return await new DataPreparation(options, progress).RunAsync(directory, stop);
        }
    }

    private static async Task<PreparedDirectory> StoreAsync(ClientContext context, PreparationOptions options, string address, CancellationToken stop)
    {
        var store = await context.OpenStoreAsync(address, create: true, stop);
        var temporary = Directory.CreateTempSubdirectory("slowrun-data-").FullName;
        try
        {
            var prepared = await PrepareAsync(context, options, temporary, stop);
            await DataDirectory.Open(temporary).UploadAsync(store, stop);
            return prepared;
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static async Task TellSkippedAsync(ClientContext context, PreparedDirectory prepared)
    {
        foreach (var problem in prepared.FirstProblems)
        {
            await context.Error.WriteLineAsync($"Left out: {problem}");
        }

        if (prepared.SkippedRows > 0)
        {
            await context.Error.WriteLineAsync($"{Human.Count(prepared.SkippedRows)} rows were left out{(prepared.SkippedRows > prepared.FirstProblems.Count ? "; the first of them are above" : "")}.");
        }
    }

    private static string Summary(DataManifest manifest) => string.Join("\n", DataShowCommand.Sets(manifest).Select(set =>
        $"{set.Name}: {Human.Count(set.Tokens.Tokens)} tokens ({manifest.Tokenizer}) in {Human.Count(set.Tokens.Documents)} documents"));
}
