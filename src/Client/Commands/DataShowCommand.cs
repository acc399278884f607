using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Tokens;
using Slowrun.Data.Preparation;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Client.Commands;

/// <summary><c>data show</c>: what a prepared directory, or data in the store, consists of.</summary>
internal static class DataShowCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var which = new Argument<string>("DIR|HASH") { Description = "A prepared directory, or the hash of data in the store." };
        var documents = new Option<int>("--documents")
        {
            Description = "How many documents of each set to print the beginning of.",
            DefaultValueFactory = _ => 2,
            HelpName = "N",
        };
        var overlap = new Option<bool>("--overlap")
        {
            Description = "Measures how much of the validation text is in the training text too, word for word.",
        };
        var output = CommonOptions.Output();
        var command = new Command("show", "Says what token data consists of.") { which, documents, overlap, output };
        command.SetAction(
            async (parsed, stop) =>
            {
                var data = await NamedData.OpenAsync(
                    parsed.GetRequiredValue(which),
                    () => context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop),
                    stop
                );
                var tokenizer = TextTokenizer.Find(data.Manifest.Tokenizer);
                var sets = new List<ShownSet>();
                foreach (var (name, tokens) in PreparedText.SetsOf(data.Manifest))
                {
                    sets.Add(new ShownSet(name, tokens, await BeginningsAsync(data, tokens, tokenizer, parsed.GetValue(documents), stop)));
                }

                var shared = parsed.GetValue(overlap) ? await OverlapAsync(data, tokenizer, stop) : null;
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(
                        Json.Text(
                            new
                            {
                                data.Sha256,
                                data.Manifest,
                                sets,
                                overlap = shared,
                            }
                        )
                    );
                    return ExitCode.Done;
                }

                foreach (var line in Lines(data, sets, shared))
                {
                    await context.Output.WriteLineAsync(line);
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun data show fineweb-100m", "slowrun data show fineweb-100m --overlap -o json");
    }

    private static IEnumerable<string> Lines(NamedData data, IReadOnlyList<ShownSet> sets, Overlap? shared)
    {
        var manifest = data.Manifest;
        yield return $"data {data.Sha256}";
        yield return $"tokenizer {manifest.Tokenizer}, {Human.Count(manifest.VocabSize)} ids{(manifest.TokenizerSha256 is { } vocabulary ? $", vocabulary {vocabulary}" : "")}";
        yield return $"source {manifest.Source}";
        foreach (var source in manifest.Sources ?? [])
        {
            yield return $"  {source.Name}  {source.Format}  {(source.LengthBytes is { } length ? Human.Bytes(length) : "of unknown length")}  {source.Sha256 ?? "not read to its end"}{(source.Set is null ? "" : $"  for {source.Set} only")}";
        }

        foreach (var set in sets)
        {
            yield return $"{set.Name}: {Human.Count(set.Tokens.Tokens)} tokens in {Human.Count(set.Tokens.Documents)} documents, {set.Tokens.Sha256}";
            foreach (var beginning in set.Documents)
            {
                yield return $"  {beginning}";
            }
        }

        foreach (var line in PreparedText.Account(manifest))
        {
            yield return line;
        }

        if (manifest.Divided?.Any(document => document.From == "validation" || document.To == "validation") == true && shared is null)
        {
            yield return "Validation and another set have parts of one document, which resemble each other: --overlap measures what stands in both.";
        }

        if (shared is not null)
        {
            yield return shared.ToString();
        }
    }

    private static async Task<IReadOnlyList<string>> BeginningsAsync(
        NamedData data,
        StoredTokens tokens,
        TextTokenizer? tokenizer,
        int count,
        CancellationToken stop
    )
    {
        if (tokenizer is null || count == 0)
        {
            return [];
        }

        var documents = new DecodedDocuments(await data.ReadAsync(tokens, stop), tokenizer);
        return [.. documents.Spread(count).Select(documents.Beginning)];
    }

    private static async Task<Overlap?> OverlapAsync(NamedData data, TextTokenizer? tokenizer, CancellationToken stop)
    {
        if (data.Manifest.Validation is not { } validation)
        {
            throw new CliException(ExitCode.Usage, "There is no validation set here whose overlap with training could be measured.");
        }

        tokenizer =
            tokenizer
            ?? throw new CliException(
                ExitCode.Usage,
                $"The tokenizer '{data.Manifest.Tokenizer}' is not known here, so its tokens cannot be read as text."
            );
        var (held, train) = (await data.ReadAsync(validation, stop), await data.ReadAsync(data.Manifest.Train, stop));
        return await Task.Run(
            () => Overlap.Measure(new DecodedDocuments(held, tokenizer), new DecodedDocuments(train, tokenizer), stop),
            stop
        );
    }

    private sealed record ShownSet(string Name, StoredTokens Tokens, IReadOnlyList<string> Documents);
}
