using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Data.Inputs;
using Slowrun.Data.Preparation;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>data prepare</c>: text, JSONL, Parquet or token shards to a directory of tokens, or straight into the store.</summary>
internal static class DataPrepareCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var input = new Option<string[]>("--input")
        {
            Description =
                "Files, or patterns with * and ?: .txt, .md (a file is a document), .jsonl, .parquet, .bin (llm.c, modded-nanogpt), each also as .gz or .zst; - for standard input.",
            HelpName = "PATH",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var validationInput = OwnFiles("--val-input", "validation");
        var fitnessInput = OwnFiles("--fitness-input", "fitness");
        var folder = new Option<DirectoryInfo>("--out")
        {
            Description = "The directory to make. Without it the data goes straight into the store.",
            HelpName = "DIR",
        };
        var format = new Option<InputFormat?>("--format")
        {
            Description = "What the files hold, where their names do not say.",
            HelpName = "text|jsonl|parquet|bin",
        };
        var document = new Option<TextDocuments>("--document")
        {
            Description = "What a document of a text file is: the file, a line, or a paragraph (up to an empty line).",
            HelpName = "file|line|paragraph",
        };
        var separator = new Option<string>("--separator")
        {
            Description = "Stands between the documents of a text file, for example '<|endoftext|>'.",
            HelpName = "TEXT",
        };
        var field = new Option<string>("--field")
        {
            Description = "The JSON field or Parquet column with the text; of nested ones with dots, data.text.",
            DefaultValueFactory = _ => "text",
            HelpName = "NAME",
        };
        var tokenizer = new Option<string>("--tokenizer")
        {
            Description = "gpt2, or bytes.",
            DefaultValueFactory = _ => Gpt2Tokenizer.TokenizerName,
            HelpName = "gpt2|bytes",
        };
        tokenizer.AcceptOnlyFromAmong([.. TextTokenizer.Names]);
        var train = Tokens("--train-tokens", "Tokens to train on. Default: all that the other sets leave.");
        var validation = Tokens("--val-tokens", "Tokens of the validation set, taken first. Default: none, or all of --val-input.");
        var fitness = Tokens(
            "--fitness-tokens",
            "Tokens of the fitness set, on which weights and members are chosen; taken next. Default: none, or all of --fitness-input."
        );
        var skipBad = new Option<bool>("--skip-bad")
        {
            Description = "Leaves out rows that are no documents, and counts them, instead of stopping at the first.",
        };
        var threads = new Option<int?>("--threads")
        {
            Description = "Threads that tokenize; default: one a core. The result does not depend on it.",
            HelpName = "N",
        };
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
            input,
            validationInput,
            fitnessInput,
            folder,
            format,
            document,
            separator,
            field,
            tokenizer,
            train,
            validation,
            fitness,
            skipBad,
            threads,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                if (parsed.GetValue(folder) is { } wanted)
                {
                    OutputPaths.CheckFolder(wanted.FullName, "--out");
                }

                var (files, validationFiles, fitnessFiles) = Files(
                    parsed.GetRequiredValue(input),
                    parsed.GetValue(validationInput) ?? [],
                    parsed.GetValue(fitnessInput) ?? [],
                    parsed.GetValue(format)
                );
                IReadOnlyList<InputFile> all = [.. validationFiles, .. fitnessFiles, .. files];
                var name = parsed.GetRequiredValue(tokenizer);
                if (name != Gpt2Tokenizer.TokenizerName && all.FirstOrDefault(file => file.Format == InputFormat.Bin) is { } shard)
                {
                    throw new CliException(
                        ExitCode.Usage,
                        $"'{shard.Path}' holds GPT-2's tokens, not text. Give --tokenizer {Gpt2Tokenizer.TokenizerName}, or the text that it was made of."
                    );
                }

                var options = new PreparationOptions
                {
                    Files = files,
                    ValidationFiles = validationFiles,
                    FitnessFiles = fitnessFiles,
                    Division = Division(all, parsed.GetValue(document), parsed.GetValue(separator)),
                    Tokenizer = TextTokenizer.Find(name)!,
                    Field = parsed.GetRequiredValue(field),
                    TrainTokens = parsed.GetValue(train),
                    ValidationTokens = parsed.GetValue(validation),
                    FitnessTokens = parsed.GetValue(fitness),
                    SkipBad = parsed.GetValue(skipBad),
                    Threads = parsed.GetValue(threads) ?? Environment.ProcessorCount,
                    StandardInput = all.Any(file => file.IsStandardInput) ? context.Input() : Stream.Null,
                };
                var prepared = parsed.GetValue(folder) is { } directory
                    ? await PrepareAsync(context, options, directory.FullName, stop)
                    : await StoreAsync(context, options, parsed.GetRequiredValue(common.Store), stop);
                await TellSkippedAsync(context, prepared);
                foreach (var remark in prepared.Remarks)
                {
                    await context.Error.WriteLineAsync(remark);
                }

                var sha256 = CanonicalJson.Sha256(prepared.Manifest);
                await context.Output.WriteLineAsync(
                    parsed.GetValue(output) == OutputFormat.Json
                        ? Json.Text(
                            new
                            {
                                sha256,
                                prepared.SkippedRows,
                                prepared.TextBytes,
                                prepared.Remarks,
                                prepared.Manifest,
                            }
                        )
                        : $"{string.Join("\n", PreparedText.Sets(prepared).Concat(PreparedText.Account(prepared.Manifest)))}\n{sha256}  {parsed.GetValue(folder)?.ToString() ?? parsed.GetRequiredValue(common.Store)}"
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun data prepare --input 'fineweb/*.parquet' --val-tokens 10000000 --train-tokens 100000000 --out fineweb-100m",
            "slowrun data prepare --input book.txt notes.txt --tokenizer bytes --val-tokens 65536 --out mine",
            "slowrun data prepare --input stories.txt --separator '<|endoftext|>' --val-input held-out.txt --out stories",
            "zcat texts.jsonl.gz | slowrun data prepare --input - --format jsonl --field body --val-tokens 100000 --store azblob://account/container"
        );
    }

    private static Option<string[]> OwnFiles(string name, string set) =>
        new(name)
        {
            Description = $"Files for the {set} set alone; it then gets nothing of --input.",
            HelpName = "PATH",
            AllowMultipleArgumentsPerToken = true,
        };

    /// <exception cref="CliException">There is no such file, or one is given twice.</exception>
    private static (IReadOnlyList<InputFile> Files, IReadOnlyList<InputFile> Validation, IReadOnlyList<InputFile> Fitness) Files(
        string[] input,
        string[] validation,
        string[] fitness,
        InputFormat? format
    )
    {
        var sets = new[] { input, validation, fitness }.Select(paths => paths.Length == 0 ? [] : InputFiles.Find(paths, format)).ToArray();
        if (
            sets.SelectMany(files => files)
                .GroupBy(file => file.IsStandardInput ? file.Path : Path.GetFullPath(file.Path))
                .FirstOrDefault(same => same.Count() > 1) is
            { } twice
        )
        {
            throw new CliException(
                ExitCode.Usage,
                $"'{twice.First().Path}' is given to several of --input, --val-input and --fitness-input: a model would be judged on what it was trained on. Give each file once."
            );
        }

        return (sets[0], sets[1], sets[2]);
    }

    private static TextDivision Division(IReadOnlyList<InputFile> files, TextDocuments documents, string? separator)
    {
        if (documents == TextDocuments.File && separator is null)
        {
            return TextDivision.None;
        }

        var option = separator is null ? "--document" : "--separator";
        return separator?.Length == 0
                ? throw new CliException(ExitCode.Usage, "--separator: expected a text that stands between documents, found an empty one.")
            : separator is not null && documents != TextDocuments.File
                ? throw new CliException(
                    ExitCode.Usage,
                    "--separator and --document exclude each other: either says where a document ends."
                )
            : files.All(file => file.Format != InputFormat.Text)
                ? throw new CliException(
                    ExitCode.Usage,
                    $"{option} divides text files, and '{files[0].Path}' is {files[0].Format.ToString().ToLowerInvariant()}, where a row is a document. Leave it out, or give --format text."
                )
            : new TextDivision(documents, separator);
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

    private static async Task<PreparedDirectory> PrepareAsync(
        ClientContext context,
        PreparationOptions options,
        string directory,
        CancellationToken stop
    )
    {
        var progress = new InputProgress();
        await using (new PreparationProgress(context, options, progress))
        {
            return await new DataPreparation(options, progress).RunAsync(directory, stop);
        }
    }

    private static async Task<PreparedDirectory> StoreAsync(
        ClientContext context,
        PreparationOptions options,
        string address,
        CancellationToken stop
    )
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
            await context.Error.WriteLineAsync(
                $"{Human.Count(prepared.SkippedRows)} rows were left out{(prepared.SkippedRows > prepared.FirstProblems.Count ? "; the first of them are above" : "")}."
            );
        }
    }
}
