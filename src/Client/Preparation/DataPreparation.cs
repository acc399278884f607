using Slowrun.Client.Corpus;
using Slowrun.Client.Inputs;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Preparation;

/// <param name="SkippedRows">Rows and files that were no documents.</param>
/// <param name="FirstProblems">What was wrong with the first of them.</param>
internal sealed record PreparedDirectory(DataManifest Manifest, long SkippedRows, IReadOnlyList<string> FirstProblems);

/// <summary>Files to token files: read, tokenize, split, write; in bounded memory, and with bytes that depend on the files and options alone.</summary>
internal sealed class DataPreparation(PreparationOptions options, InputProgress progress)
{
    private const int ProblemsShown = 5;

    private readonly List<string> problems = [];
    private long skipped;

    /// <param name="directory">Must not exist, or be empty.</param>
    /// <exception cref="CorpusException">A file or row is no good, or there is too little; nothing is left behind.</exception>
    public async Task<PreparedDirectory> RunAsync(string directory, CancellationToken stop)
    {
        using var writer = DataDirectoryWriter.Create(directory);
        var split = new TokenSplit(writer, options);
        var reader = new DocumentReader(options.Files, options.Field, options.StandardInput, progress);
        var (lastFile, whole) = await FillAsync(split, reader, stop);
        split.CheckComplete();

        var sources = new List<DataSource>();
        foreach (var file in options.Files.Take(lastFile + 1))
        {
            sources.Add(await reader.SourceAsync(file, whole, stop));
        }

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
            },
            tokenizer.TokenBytes);
        return new PreparedDirectory(manifest, skipped, problems);
    }

    /// <returns>The last file that a document was taken from, and whether all files were read to their end.</returns>
    private async Task<(int LastFile, bool Whole)> FillAsync(TokenSplit split, DocumentReader reader, CancellationToken stop)
    {
        var lastFile = 0;
        await foreach (var batch in new TokenPipeline(options.Tokenizer, options.Threads).RunAsync(reader.Read(), stop))
        {
            foreach (var piece in batch.Pieces)
            {
                lastFile = piece.File;
                if (piece.Problem is null)
                {
                    split.Add(batch.IdsOf(piece), piece.Continues);
                }
                else
                {
                    Skip(piece.Problem);
                    split.Break();
                }

                if (split.IsFull)
                {
                    progress.SetTokens(split.Kept);
                    return (lastFile, false);
                }
            }

            progress.SetTokens(split.Kept);
        }

        return (options.Files.Count - 1, true);
    }

    private void Skip(string problem)
    {
        if (!options.SkipBad)
        {
            throw new CorpusException($"{problem} To leave such documents out and count them: --skip-bad.");
        }

        skipped++;
        if (problems.Count < ProblemsShown)
        {
            problems.Add(problem);
        }
    }

    private static string Source(List<DataSource> sources) => sources.Count == 1
        ? sources[0].Name
        : FormattableString.Invariant($"{sources.Count} files, from {sources[0].Name} to {sources[^1].Name}");
}
