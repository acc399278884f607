using Slowrun.Core.Tokens;
using Slowrun.Data.Corpus;

namespace Slowrun.Data.Inputs;

/// <summary>Reads the documents of several files, one after the other.</summary>
internal sealed class DocumentReader(
    IReadOnlyList<InputFile> files,
    string field,
    TextDivision division,
    Stream standardInput,
    InputProgress progress
)
{
    private DataSource? standardInputRead;

    /// <exception cref="CorpusException">A file cannot be read, or is damaged as a whole: what, where, and what to do.</exception>
    public IEnumerable<RawPiece> Read()
    {
        for (var f = 0; f < files.Count; f++)
        {
            var pieces = Open(files[f], f > 0 && files[f - 1].Format == InputFormat.Bin).GetEnumerator();
            using (pieces)
            {
                var any = false;
                while (Next(pieces, files[f]) is { } piece)
                {
                    any |= piece.Problem is not null || piece.LeftOut is null;
                    yield return piece with
                    {
                        File = f,
                    };
                }

                if (!any)
                {
                    yield return RawPiece.Bad($"'{files[f].Path}' has no document.") with
                    {
                        File = f,
                    };
                }
            }
        }
    }

    /// <summary>What the data manifest says of a file of which all was read that there was to read.</summary>
    /// <param name="whole">False: standard input may go on.</param>
    /// <param name="set">The only set that it is for; null: it was dealt out.</param>
    public async Task<DataSource> SourceAsync(InputFile file, bool whole, string? set, CancellationToken stop)
    {
        var format = file.Format.ToString().ToLowerInvariant();
        if (file.IsStandardInput)
        {
            return whole && standardInputRead is not null
                ? standardInputRead with
                {
                    Format = format,
                    Set = set,
                }
                : new DataSource(file.Name, format, null, null, set);
        }

        await using var stream = File.OpenRead(file.Path);
        return new DataSource(
            file.Name,
            format,
            stream.Length,
            Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(stream, stop)),
            set
        );
    }

    private IEnumerable<RawPiece> Open(InputFile file, bool continues)
    {
        using var content = InputContent.Open(
            file,
            standardInput,
            file.Format == InputFormat.Parquet && !file.IsStandardInput ? _ => { } : progress.Add
        );
        var pieces = file.Format switch
        {
            InputFormat.Text => division.IsWhole
                ? PlainTextReader.Read(content.Stream, file.Path)
                : new DividedTextReader(file.Path, division).Read(content.Stream),
            InputFormat.Jsonl => JsonLinesReader.Read(content.Stream, file.Path, field),
            InputFormat.Parquet => ReadParquet(content, file),
            _ => TokenShardReader.Read(content.Stream, file.Path, continues),
        };
        foreach (var piece in pieces)
        {
            // A position in decompressed content does not show how much of the file is left.
            yield return content.IsPlain && !file.IsStandardInput ? piece : piece with { End = null };
        }

        content.Drain();
        standardInputRead = new DataSource(file.Name, "", content.LengthRead, content.Sha256());
    }

    private IEnumerable<RawPiece> ReadParquet(InputContent content, InputFile file)
    {
        var (length, done) = (file.LengthBytes, 0L);
        return ParquetTextReader.Read(
            content.SeekablePath(file),
            file.Path,
            field,
            (group, groups) =>
            {
                var now = (long)((double)length * group / groups);
                progress.Add(now - done);
                done = now;
            }
        );
    }

    private static RawPiece? Next(IEnumerator<RawPiece> pieces, InputFile file)
    {
        try
        {
            return pieces.MoveNext() ? pieces.Current : null;
        }
        catch (InvalidDataException e)
        {
            throw new CorpusException(
                $"'{file.Path}' cannot be read to its end: it is damaged or cut off. {e.Message} Fetch it again, or leave it out."
            );
        }
        // The native reader's errors come as several types.
        catch (Exception e) when (file.Format == InputFormat.Parquet && e is not (CorpusException or OperationCanceledException))
        {
            throw new CorpusException(
                $"'{file.Path}' cannot be used: it is no Parquet file, or is damaged or cut off. Fetch it again, or leave it out."
            );
        }
        catch (IOException e)
        {
            throw new CorpusException($"'{file.Path}' cannot be read to its end: it is damaged or cut off, or the disk is. {e.Message}");
        }
    }
}
