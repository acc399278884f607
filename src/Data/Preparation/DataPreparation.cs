using Slowrun.Core.Tokens;
using Slowrun.Data.Corpus;
using Slowrun.Data.Inputs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Data.Preparation;

/// <param name="SkippedRows">Rows and files that were no documents.</param>
/// <param name="FirstProblems">What was wrong with the first of them.</param>
/// <param name="TextBytes">UTF-8 bytes of text in each set.</param>
/// <param name="Remarks">Warnings about what the user may not have intended.</param>
public sealed record PreparedDirectory(
    DataManifest Manifest,
    long SkippedRows,
    IReadOnlyList<string> FirstProblems,
    IReadOnlyDictionary<string, long> TextBytes,
    IReadOnlyList<string> Remarks
);

/// <summary>Files to token files: read, tokenize, split, write; in bounded memory, and with bytes that depend on the files and options
/// alone.</summary>
public sealed class DataPreparation(PreparationOptions options, InputProgress progress)
{
    private const int ProblemsShown = 5;

    private readonly List<string> problems = [];
    private readonly List<string> remarks = [];
    private readonly List<DataSource> sources = [];
    private readonly Dictionary<string, long> textBytes = new(StringComparer.Ordinal);
    private readonly InputAccount account = new();
    private long kept;
    private long skipped;

    /// <param name="directory">Must not exist, or be empty.</param>
    /// <exception cref="CorpusException">A file or row is no good, or there is too little; nothing is left behind.</exception>
    public async Task<PreparedDirectory> RunAsync(string directory, CancellationToken stop)
    {
        using var writer = DataDirectoryWriter.Create(directory);
        var dealt = new List<FilledSet>();
        // Opening a set creates its files, so only the sets asked for are opened.
        foreach (
            var (files, wanted, make) in new (IReadOnlyList<InputFile>, long?, Func<FilledSet>)[]
            {
                (
                    options.ValidationFiles,
                    options.ValidationTokens,
                    () => new FilledSet("validation", "--val-tokens", writer.Validation, options.ValidationTokens)
                ),
                (
                    options.FitnessFiles,
                    options.FitnessTokens,
                    () => new FilledSet("fitness", "--fitness-tokens", writer.Fitness, options.FitnessTokens)
                ),
            }
        )
        {
            if (files.Count > 0)
            {
                var set = make();
                await FillAsync(files, [set], set.Name, stop);
            }
            else if (wanted is not null)
            {
                dealt.Add(make());
            }
        }

        await FillAsync(
            options.Files,
            [.. dealt, new FilledSet("training", "--train-tokens", writer.Train, options.TrainTokens)],
            null,
            stop
        );

        var tokenizer = options.Tokenizer;
        var manifest = writer.Finish(
            new DataManifest
            {
                Tokenizer = tokenizer.Name,
                TokenizerSha256 = tokenizer.VocabularySha256,
                VocabSize = tokenizer.VocabSize,
                Train = new StoredTokens("", 0, "", 0),
                Source = Source(sources),
                Sources = sources,
                LeftOut = account.LeftOut,
                Divided = account.Divided,
            },
            tokenizer.TokenBytes
        );
        RemarkSets(manifest);
        return new PreparedDirectory(manifest, skipped, problems, textBytes, remarks);
    }

    /// <param name="only">The set that the files are for; null: several.</param>
    private async Task FillAsync(IReadOnlyList<InputFile> files, IReadOnlyList<FilledSet> sets, string? only, CancellationToken stop)
    {
        var split = new TokenSplit(sets, options.Tokenizer, account);
        var reader = new DocumentReader(files, options.Field, options.Division, options.StandardInput, progress);
        var used = new UsedFiles(files);
        var full = await DealAsync(split, reader, files, used, stop);
        split.Finish();
        kept += split.Kept;
        foreach (var (set, bytes) in split.TextBytes)
        {
            textBytes[set] = bytes;
        }

        if (full is { } last)
        {
            LeaveRestOut(files, last, TokenSplit.Beyond(sets[^1]));
        }

        remarks.AddRange(used.Remarks(account.Divided ?? [], only is null));
        foreach (var file in files.Take((full?.File ?? files.Count - 1) + 1))
        {
            sources.Add(await reader.SourceAsync(file, full is null, only, stop));
        }
    }

    /// <returns>The piece with which the last set was full; null: all files were read to their end.</returns>
    private async Task<TokenPiece?> DealAsync(
        TokenSplit split,
        DocumentReader reader,
        IReadOnlyList<InputFile> files,
        UsedFiles used,
        CancellationToken stop
    )
    {
        await foreach (var batch in new TokenPipeline(options.Tokenizer, options.Threads).RunAsync(reader.Read(), stop))
        {
            foreach (var piece in batch.Pieces)
            {
                if (piece.LeftOut is not null)
                {
                    LeaveOut(piece, split, used);
                    continue;
                }

                split.Add(batch.IdsOf(piece), piece.Continues, files[piece.File].Name);
                used.Add(piece.File, split.CurrentSet);
                if (split.IsFull)
                {
                    progress.SetTokens(kept + split.Kept);
                    return piece;
                }
            }

            progress.SetTokens(kept + split.Kept);
        }

        return null;
    }

    private void LeaveOut(TokenPiece piece, TokenSplit split, UsedFiles used)
    {
        if (piece.LeftOut == LeftOutReason.Separator)
        {
            account.Add("separators, line ends and empty lines around documents", piece.LeftOutBytes, 0);
            return;
        }

        if (piece.Problem is { } problem)
        {
            if (!options.SkipBad)
            {
                throw new CorpusException($"{problem} To leave such documents out and count them: --skip-bad.");
            }

            skipped++;
            used.Skip(piece.File);
            if (problems.Count < ProblemsShown)
            {
                problems.Add(problem);
            }

            split.Break();
        }

        account.Add("what is no document (--skip-bad)", piece.LeftOutBytes, piece.Problem is null ? 0 : 1);
    }

    /// <summary>Counts input that was not read because every set is full.</summary>
    private void LeaveRestOut(IReadOnlyList<InputFile> files, TokenPiece last, string reason)
    {
        var file = files[last.File];
        if (last.End is { } end)
        {
            account.Add(reason, file.LengthBytes - end, 0);
        }
        else
        {
            account.Add($"what follows in '{file.Name}', which was not read further: {reason}", null, 0);
        }

        var unread = files.Skip(last.File + 1).ToList();
        account.Add($"files that were not read: {reason}", unread.Sum(left => left.LengthBytes), unread.Count);
    }

    private void RemarkSets(DataManifest manifest)
    {
        foreach (var (name, set) in new[] { ("validation", manifest.Validation), ("fitness", manifest.Fitness) })
        {
            if (set is { Tokens: < 2 } || (set is not null && textBytes[name] == 0))
            {
                remarks.Add(
                    $"The {name} set has {set.Tokens} tokens with {textBytes[name]} bytes of text: too little to judge anything by, and no run takes it. At least a token and its target are needed, and some text."
                );
            }
        }

        if (manifest.Validation is null)
        {
            remarks.Add(
                "There is no validation set, and every run needs one: --val-tokens takes one from the front, --val-input from files of its own."
            );
        }
    }

    private static string Source(List<DataSource> sources) =>
        sources.Count == 1
            ? sources[0].Name
            : FormattableString.Invariant($"{sources.Count} files, from {sources[0].Name} to {sources[^1].Name}");
}
