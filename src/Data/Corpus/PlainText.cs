using System.Text;

namespace Slowrun.Data.Corpus;

/// <summary>Text files that the user names: UTF-8, paragraphs parted by empty lines.</summary>
internal static class PlainText
{
    // The SDK's limit: the sets then have many documents, and no single one decides the result.
    private const int LongestBytes = DocumentSplit.LongestBytes;

    /// <exception cref="CorpusException">A file is missing, or is not UTF-8 text.</exception>
    /// <returns>Documents that differ, and how many were equal to one before them.</returns>
    public static (IReadOnlyList<TextDocument> Documents, int Repeated) Read(IReadOnlyList<string> files)
    {
        var all = files.SelectMany(file => Documents(Paragraphs(Content(file)))).ToList();
        // A document is named by its content: neither a file's path nor the order of the files matters.
        IReadOnlyList<TextDocument> different = [.. all.DistinctBy(document => document.Name)];
        return (different, all.Count - different.Count);
    }

    private static string Content(string file)
    {
        try
        {
            var text = File.ReadAllText(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            var zero = text.IndexOf('\0', StringComparison.Ordinal);
            return zero < 0
                ? text
                : throw new CorpusException($"'{file}' is not text: character {zero} is a zero. Give UTF-8 text files with --text.");
        }
        catch (DecoderFallbackException e)
        {
            throw new CorpusException(
                $"'{file}' is not UTF-8 text: it has the bytes {Convert.ToHexString(e.BytesUnknown ?? [])}. Convert it, for example with iconv; "
                    + "'slowrun data prepare' reads compressed files, JSONL and Parquet."
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"'{file}' cannot be read: {e.Message}");
        }
    }

    private static IEnumerable<string> Paragraphs(string text)
    {
        var lines = new List<string>();
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n').Append(""))
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                lines.Add(line.Trim());
            }
            else if (lines.Count > 0)
            {
                foreach (var piece in Pieces(string.Join(' ', lines)))
                {
                    yield return piece;
                }

                lines.Clear();
            }
        }
    }

    /// <summary>A paragraph longer than a document may be is cut between words.</summary>
    private static IEnumerable<string> Pieces(string paragraph)
    {
        while (Encoding.UTF8.GetByteCount(paragraph) >= LongestBytes)
        {
            var cut = Math.Min(paragraph.Length - 1, LongestBytes - 1);
            while (Encoding.UTF8.GetByteCount(paragraph.AsSpan(0, cut)) >= LongestBytes)
            {
                cut--;
            }

            var space = paragraph.LastIndexOf(' ', cut);
            // A surrogate pair is one character.
            cut =
                space > 0 ? space
                : char.IsLowSurrogate(paragraph[cut]) ? cut - 1
                : cut;
            yield return paragraph[..cut];
            paragraph = paragraph[cut..].TrimStart();
        }

        if (paragraph.Length > 0)
        {
            yield return paragraph;
        }
    }

    private static IEnumerable<TextDocument> Documents(IEnumerable<string> paragraphs)
    {
        var group = new List<string>();
        var bytes = 0;
        foreach (var paragraph in paragraphs)
        {
            var more = Encoding.UTF8.GetByteCount(paragraph) + 1;
            if (bytes + more > LongestBytes)
            {
                yield return Document(group);
                group = [];
                bytes = 0;
            }

            group.Add(paragraph);
            bytes += more;
        }

        if (group.Count > 0)
        {
            yield return Document(group);
        }
    }

    private static TextDocument Document(List<string> paragraphs)
    {
        var name = string.Join('\n', paragraphs);
        return new TextDocument(name, name, paragraphs);
    }
}
